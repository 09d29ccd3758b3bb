"""What is done to photos before a network sees them; random layers act in training, and when they are called on
images outside of a model."""

from .layer import Layer


class _RandomLayer(Layer):
    """Acts in training, and on images outside of a model."""

    _trains_when_called = True


class Rescaling(Layer):
    """`x · scale + offset`."""

    def __init__(self, scale, offset=0.0, **kwargs):
        super().__init__(locals())


class Resizing(Layer):
    """Resizes images to `height` × `width`."""

    def __init__(
        self, height, width, interpolation="bilinear", crop_to_aspect_ratio=False, pad_to_aspect_ratio=False,
        fill_mode="constant", fill_value=0.0, antialias=False, data_format=None, **kwargs,
    ):
        super().__init__(locals())


class CenterCrop(Layer):
    """The middle of each image, enlarged first where it is smaller."""

    def __init__(self, height, width, data_format=None, **kwargs):
        super().__init__(locals())


class RandomFlip(_RandomLayer):
    """Mirrors images at random."""

    def __init__(self, mode="horizontal_and_vertical", seed=None, data_format=None, **kwargs):
        super().__init__(locals())


class RandomRotation(_RandomLayer):
    """Turns images by up to `factor` of a whole turn."""

    def __init__(
        self, factor, fill_mode="reflect", interpolation="bilinear", seed=None, fill_value=0.0,
        data_format=None, **kwargs,
    ):
        super().__init__(locals())


class RandomZoom(_RandomLayer):
    """Zooms in (negative factors) or out, along both axes or each by itself."""

    def __init__(
        self, height_factor, width_factor=None, fill_mode="reflect", interpolation="bilinear", seed=None,
        fill_value=0.0, data_format=None, **kwargs,
    ):
        super().__init__(locals())


class RandomTranslation(_RandomLayer):
    """Moves images by up to these shares of their size."""

    def __init__(
        self, height_factor, width_factor, fill_mode="reflect", interpolation="bilinear", seed=None,
        fill_value=0.0, data_format=None, **kwargs,
    ):
        super().__init__(locals())


class RandomShear(_RandomLayer):
    """Shears images."""

    def __init__(
        self, x_factor=0.0, y_factor=0.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
        data_format=None, seed=None, **kwargs,
    ):
        super().__init__(locals())


class RandomCrop(_RandomLayer):
    """A part of each image, from a random place; the middle otherwise."""

    def __init__(self, height, width, seed=None, data_format=None, **kwargs):
        super().__init__(locals())


class RandomBrightness(_RandomLayer):
    """Adds one number to all pixels of an image."""

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(locals())


class RandomContrast(_RandomLayer):
    """Moves pixels away from or towards their mean."""

    def __init__(self, factor, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(locals())


class RandomColorDegeneration(_RandomLayer):
    """Mixes images with their grey version."""

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class RandomColorJitter(_RandomLayer):
    """Brightness, contrast, saturation and hue at random."""

    def __init__(
        self, value_range=(0, 255), brightness_factor=None, contrast_factor=None, saturation_factor=None,
        hue_factor=None, seed=None, data_format=None, **kwargs,
    ):
        super().__init__(locals())


class RandomErasing(_RandomLayer):
    """Fills a random rectangle."""

    def __init__(
        self, factor=1.0, scale=(0.02, 0.33), fill_value=None, value_range=(0, 255), seed=None,
        data_format=None, **kwargs,
    ):
        super().__init__(locals())


class RandomGaussianBlur(_RandomLayer):
    """Blurs images."""

    def __init__(
        self, factor=1.0, kernel_size=3, sigma=1.0, value_range=(0, 255), data_format=None, seed=None,
        **kwargs,
    ):
        super().__init__(locals())


class RandomGrayscale(_RandomLayer):
    """Makes some images grey."""

    def __init__(self, factor=0.5, data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class RandomHue(_RandomLayer):
    """Turns the hue."""

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class RandomInvert(_RandomLayer):
    """Inverts the colours of some images."""

    def __init__(self, factor=1.0, value_range=(0, 255), seed=None, data_format=None, **kwargs):
        super().__init__(locals())


class RandomPerspective(_RandomLayer):
    """Looks at images from another place."""

    def __init__(
        self, factor=1.0, scale=1.0, interpolation="bilinear", fill_value=0.0, seed=None, data_format=None,
        **kwargs,
    ):
        super().__init__(locals())


class RandomPosterization(_RandomLayer):
    """Fewer bits a channel."""

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class RandomSaturation(_RandomLayer):
    """More or less colour."""

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class RandomSharpness(_RandomLayer):
    """Sharper or softer."""

    def __init__(self, factor, value_range=(0, 255), data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class RandomElasticTransform(_RandomLayer):
    """Bends images."""

    def __init__(
        self, factor=1.0, scale=1.0, interpolation="bilinear", fill_mode="reflect", fill_value=0.0,
        value_range=(0, 255), seed=None, data_format=None, **kwargs,
    ):
        super().__init__(locals())


class Solarization(_RandomLayer):
    """Inverts pixels above a threshold."""

    def __init__(self, addition_factor=0.0, threshold_factor=0.0, value_range=(0, 255), seed=None, **kwargs):
        super().__init__(locals())


class AutoContrast(_RandomLayer):
    """Stretches each channel to the whole range."""

    def __init__(self, value_range=(0, 255), **kwargs):
        super().__init__(locals())


class Equalization(_RandomLayer):
    """Equalizes the histogram of each channel."""

    def __init__(self, value_range=(0, 255), bins=256, data_format=None, **kwargs):
        super().__init__(locals())


class AugMix(_RandomLayer):
    """Mixes chains of augmentations."""

    def __init__(
        self, value_range=(0, 255), num_chains=3, chain_depth=3, factor=0.3, alpha=1.0, all_ops=True,
        interpolation="bilinear", seed=None, data_format=None, **kwargs,
    ):
        super().__init__(locals())


class RandAugment(_RandomLayer):
    """A few augmentations drawn at random, of one strength."""

    def __init__(
        self, value_range=(0, 255), num_ops=2, factor=0.5, interpolation="bilinear", seed=None,
        data_format=None, **kwargs,
    ):
        super().__init__(locals())


class MixUp(_RandomLayer):
    """Mixes pairs of images and their labels."""

    def __init__(self, alpha=0.2, data_format=None, seed=None, **kwargs):
        super().__init__(locals())


class CutMix(_RandomLayer):
    """Puts a part of one image into another."""

    def __init__(self, factor=1.0, seed=None, data_format=None, **kwargs):
        super().__init__(locals())

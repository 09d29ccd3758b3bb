//! What users see of the layers: error texts, settings as JSON, Keras' configurations.

use petal::layers::*;

#[test]
fn a_shape_mistake_names_the_layer_what_it_got_and_what_it_wants() {
    let image = Input::image(8, 6, 3);
    let vector = Input::new([10]);
    let text = |result: petal::Result<petal::model::Tensor>| result.unwrap_err().to_string();
    for (found, expected) in [
        (
            text(Conv2D::new(4, 3).on(&vector)),
            "layer 'conv2d': got an input of shape (None, 10); expected images, (None, height, width, channels)",
        ),
        (
            text(Conv2D::new(4, (3, 9)).name("wide").on(&image)),
            "layer 'wide': a window of 3×9 doesn't fit into an image of 8×6; use a smaller window, a larger image or .same()",
        ),
        (
            text(DepthwiseConv2D::new(3).strides(2).dilation_rate(2).on(&image)),
            "layer 'depthwise_conv2d': it has strides 2×2 and dilation rate 2×2; one of them must be 1",
        ),
        (
            text(Multiply::new().on([&image, &vector])),
            "layer 'multiply': got inputs of shapes (None, 8, 6, 3) and (None, 10); expected the same shape, or sizes of 1 along the first axes",
        ),
        (
            text(Concatenate::new().on([&image, &Input::image(8, 5, 3)])),
            "layer 'concatenate': got inputs of shapes (None, 8, 6, 3) and (None, 8, 5, 3); expected shapes that are equal except for axis 3",
        ),
        (
            text(Reshape::new([7, -1]).on(&vector)),
            "layer 'reshape': got an input of shape (None, 10) with 10 values; they don't fill the target shape [7, -1]",
        ),
        (
            text(Softmax::new().axis(4).on(&image)),
            "layer 'softmax': its axis is 4, but its input of shape (None, 8, 6, 3) has 4 axes",
        ),
        (
            text(RandomRotation::new(1.5).on(&image)),
            "layer 'random_rotation': its factor is -1.5 to 1.5; expected bounds in -1 to 1",
        ),
        (
            text(Normalization::new([1.0, 2.0], [1.0, 1.0]).on(&image)),
            "layer 'normalization': its mean has 2 numbers; expected 3 (or one) for an input of shape (None, 8, 6, 3)",
        ),
        (text(Resizing::new(0, 4).on(&image)), "layer 'resizing': its size is 0×4; expected at least 1×1"),
    ] {
        assert_eq!(found, expected);
    }
}

#[test]
fn every_layer_comes_back_from_json() {
    let layers: Vec<AnyLayer> = vec![
        Activation::new(Function::Gelu).into(),
        Add::new().into(),
        AveragePooling2D::new(3).strides(2).same().into(),
        BatchNormalization::new().momentum(0.9).scale(false).into(),
        CenterCrop::new(4, 5).into(),
        Concatenate::new().axis(1).into(),
        Conv2D::new(4, (3, 5)).same().groups(2).relu().into(),
        Dense::new(3).softmax().into(),
        DepthwiseConv2D::new(3).depth_multiplier(2).use_bias(false).into(),
        Dropout::new(0.25).into(),
        Flatten::new().into(),
        GlobalAveragePooling2D::new().keepdims(true).into(),
        GlobalMaxPooling2D::new().into(),
        LayerNormalization::new().axis([1, 2, 3]).epsilon(1e-6).into(),
        MaxPooling2D::new(2).into(),
        Multiply::new().into(),
        Normalization::new([1.0, 2.0], [3.0, 4.0]).invert().into(),
        RandomBrightness::new(0.2).value_range(0.0, 1.0).into(),
        RandomContrast::new((0.1, 0.3)).into(),
        RandomCrop::new(4, 5).into(),
        RandomFlip::new(FlipMode::Vertical).into(),
        RandomRotation::new(0.1).fill_mode(FillMode::Constant).fill_value(7.0).into(),
        RandomTranslation::new(0.1, (-0.2, 0.3)).interpolation(Interpolation::Nearest).into(),
        RandomZoom::new(0.1).width_factor(0.2).into(),
        ReLU::new().max_value(6.0).into(),
        Rescaling::new(1.0 / 127.5).offset([-1.0, 0.0, 1.0]).into(),
        Reshape::new([-1, 2]).into(),
        Resizing::new(4, 5).pad_to_aspect_ratio(3.0).into(),
        SeparableConv2D::new(4, 3).dilation_rate(2).into(),
        Softmax::new().axis(1).into(),
        SpatialDropout2D::new(0.25).into(),
        ZeroPadding2D::sides([[0, 1], [2, 3]]).into(),
    ];
    for layer in layers {
        let text = serde_json::to_string(&layer).unwrap();
        assert_eq!(serde_json::from_str::<AnyLayer>(&text).unwrap(), layer, "{text}");
    }
}

#[test]
fn short_configurations_get_the_defaults() {
    for (text, layer) in [
        (
            r#"{"class_name":"Conv2D","config":{"filters":4,"kernel_size":3,"activation":null}}"#,
            AnyLayer::from(Conv2D::new(4, 3)),
        ),
        (r#"{"class_name":"MaxPooling2D","config":{"pool_size":[2,2]}}"#, MaxPooling2D::default().into()),
        (r#"{"class_name":"ZeroPadding2D","config":{"padding":[2,1]}}"#, ZeroPadding2D::new((2, 1)).into()),
        (r#"{"class_name":"ReLU","config":{"max_value":null}}"#, ReLU::new().into()),
        (r#"{"class_name":"BatchNormalization","config":{"axis":[3]}}"#, BatchNormalization::new().into()),
    ] {
        let found: AnyLayer = serde_json::from_str(text).unwrap();
        let x = Input::image(8, 8, 4);
        assert_eq!(found.class_name(), layer.class_name());
        assert_eq!(found.on(&x).unwrap().shape(), layer.on(&x).unwrap().shape(), "{text}");
    }
}

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
        (text(Subtract::new().on([&image, &image, &image])), "layer 'subtract': got 3 inputs; expected 2"),
        (
            text(Cropping2D::new((4, 1)).on(&image)),
            "layer 'cropping2d': it cuts off rows [4, 4] and columns [1, 1], which leaves nothing of images of 8×6",
        ),
        (
            text(UpSampling2D::new(0).on(&image)),
            "layer 'up_sampling2d': its size is 0×0; expected at least 1×1",
        ),
        (
            text(Permute::new([1, 3]).on(&image)),
            "layer 'permute': its dims are [1, 3] for an input of shape (None, 8, 6, 3); expected each axis from 1 to 3 once",
        ),
        (
            text(GroupNormalization::new().groups(2).on(&image)),
            "layer 'group_normalization': it has 2 groups for 3 channels; expected a divisor of them, or -1",
        ),
        (
            text(PReLU::new().shared_axes([4]).on(&image)),
            "layer 'p_re_lu': its axis is 4, but its input of shape (None, 8, 6, 3) has 4 axes",
        ),
        (
            text(GaussianNoise::new(1.5).on(&image)),
            "layer 'gaussian_noise': its standard deviation is 1.5; expected 0 to 1",
        ),
        (
            text(GaussianDropout::new(1.0).on(&image)),
            "layer 'gaussian_dropout': its rate is 1; expected at least 0 and less than 1",
        ),
        (
            text(LayerScale::new(0.1, 4).on(&image)),
            "layer 'layer_scale': got an input of shape (None, 8, 6, 3); expected 4 channels, its projection_dim",
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
        Activation::new(ReLU::new().max_value(4.0)).into(),
        ActivityRegularization::new(0.1, 0.2).into(),
        Add::new().into(),
        AlphaDropout::new(0.25).noise_shape([None, Some(1)]).into(),
        AutoContrast::new().value_range(0.0, 1.0).into(),
        Average::new().into(),
        AveragePooling2D::new(3).strides(2).same().into(),
        BatchNormalization::new().momentum(0.9).scale(false).into(),
        CenterCrop::new(4, 5).into(),
        Concatenate::new().axis(1).into(),
        Conv2D::new(4, (3, 5)).same().groups(2).relu().into(),
        Cropping2D::sides([[0, 1], [2, 3]]).into(),
        CustomScaleLayer::new(0.17).into(),
        Dense::new(3).softmax().into(),
        Dense::new(3).activation(LeakyReLU::new(0.1)).into(),
        DepthwiseConv2D::new(3).depth_multiplier(2).use_bias(false).into(),
        Dropout::new(0.25).into(),
        ELU::new(0.5).into(),
        Flatten::new().into(),
        GaussianDropout::new(0.25).into(),
        GaussianNoise::new(0.25).into(),
        GlobalAveragePooling2D::new().keepdims(true).into(),
        GlobalMaxPooling2D::new().into(),
        GroupNormalization::new().groups(-1).center(false).into(),
        Identity::new().into(),
        LayerNormalization::new().axis([1, 2, 3]).epsilon(1e-6).into(),
        LayerScale::new(1e-6, 4).into(),
        LeakyReLU::new(0.1).into(),
        Maximum::new().into(),
        MaxPooling2D::new(2).into(),
        Minimum::new().into(),
        Multiply::new().into(),
        Normalization::new([1.0, 2.0], [3.0, 4.0]).invert().into(),
        Permute::new([2, 1]).into(),
        PReLU::new().shared_axes([1, 2]).into(),
        RandomBrightness::new(0.2).value_range(0.0, 1.0).into(),
        RandomColorDegeneration::new(0.5).value_range(0.0, 1.0).into(),
        RandomContrast::new((0.1, 0.3)).into(),
        RandomCrop::new(4, 5).into(),
        RandomErasing::new(0.5).scale((0.1, 0.2)).fill_value([1.0, 2.0, 3.0]).into(),
        RandomFlip::new(FlipMode::Vertical).into(),
        RandomGrayscale::new(0.3).into(),
        RandomInvert::new(0.4).into(),
        RandomPosterization::new(4.0).into(),
        RandomRotation::new(0.1).fill_mode(FillMode::Constant).fill_value(7.0).into(),
        RandomShear::new(0.1, 0.0).fill_mode(FillMode::Wrap).into(),
        RandomTranslation::new(0.1, (-0.2, 0.3)).interpolation(Interpolation::Nearest).into(),
        RandomZoom::new(0.1).width_factor(0.2).into(),
        ReLU::new().max_value(6.0).into(),
        RMSNormalization::new().axis([2, 3]).into(),
        Rescaling::new(1.0 / 127.5).offset([-1.0, 0.0, 1.0]).into(),
        Reshape::new([-1, 2]).into(),
        Resizing::new(4, 5).pad_to_aspect_ratio(3.0).into(),
        SeparableConv2D::new(4, 3).dilation_rate(2).into(),
        Softmax::new().axis(1).into(),
        Softmax::new().axes([1, 2]).into(),
        Solarization::new(0.2, (0.3, 0.4)).into(),
        SpatialDropout2D::new(0.25).into(),
        StochasticDepth::new(0.25).into(),
        Subtract::new().into(),
        UnitNormalization::new().axis([1]).into(),
        UpSampling2D::new((2, 3)).interpolation(Interpolation::Bilinear).into(),
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
        (r#"{"class_name":"LeakyReLU","config":{"alpha":0.2}}"#, LeakyReLU::new(0.2).into()),
        (r#"{"class_name":"Cropping2D","config":{"cropping":1}}"#, Cropping2D::new(1).into()),
        (r#"{"class_name":"UpSampling2D","config":{}}"#, UpSampling2D::default().into()),
        (r#"{"class_name":"BatchNormalization","config":{"axis":[3]}}"#, BatchNormalization::new().into()),
    ] {
        let found: AnyLayer = serde_json::from_str(text).unwrap();
        let x = Input::image(8, 8, 4);
        assert_eq!(found.class_name(), layer.class_name());
        assert_eq!(found.on(&x).unwrap().shape(), layer.on(&x).unwrap().shape(), "{text}");
    }
}

#[test]
fn an_activation_of_another_layer_is_its_name_or_a_layer() {
    let dense = |activation: &str| {
        let text = format!(r#"{{"class_name":"Dense","config":{{"units":2,"activation":{activation}}}}}"#);
        serde_json::from_str::<AnyLayer>(&text).map_err(|problem| problem.to_string())
    };
    let expected = |function: Function| Ok(AnyLayer::from(Dense::new(2).activation(function)));
    for (text, function) in [
        (r#""hard_swish""#, Function::HardSilu),
        (r#""tanh_shrink""#, Function::TanhShrink),
        (r#"{"class_name":"Softmax","config":{"axis":-1}}"#, Function::Softmax),
        (r#"{"class_name":"ELU","config":{"name":"elu","alpha":0.3}}"#, ELU::new(0.3).into()),
        (r#"{"class_name":"LeakyReLU","config":{"alpha":0.2}}"#, LeakyReLU::new(0.2).into()),
    ] {
        assert_eq!(dense(text), expected(function), "{text}");
    }
    for (text, problem) in [
        (r#""glu""#, "unknown variant `glu`, expected one of `linear`"),
        (r#"{"class_name":"PReLU","config":{}}"#, "unknown variant `PReLU`, expected one of `ReLU`"),
        (r#"{"class_name":"Softmax","config":{"axis":1}}"#, "a Softmax as an activation has axis -1"),
    ] {
        let found = dense(text).unwrap_err();
        assert!(found.starts_with(problem), "{found}");
    }
}

/// Settings that say nothing about what a layer computes, or that the reader of Keras' files looks at.
fn is_left_to_others(class: &str, setting: &str) -> bool {
    let every_layer = ["name", "trainable", "dtype", "seed", "data_format", "quantization_config"];
    let normalization = ["axis", "synchronized", "renorm", "renorm_clipping", "renorm_momentum"];
    every_layer.contains(&setting)
        || setting.ends_with("_regularizer")
        || setting.ends_with("_constraint")
        || (class == "BatchNormalization" && (normalization.contains(&setting) || setting.ends_with("_initializer")))
        // There is only one.
        || (class, setting) == ("Resizing", "fill_mode")
}

#[test]
fn no_setting_that_keras_writes_is_passed_over() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/fixtures/layers.safetensors");
    let bytes = std::fs::read(path).unwrap();
    let (_, metadata) = safetensors::SafeTensors::read_metadata(&bytes).unwrap();
    let cases = &metadata.metadata().as_ref().unwrap()["cases"];
    let cases: Vec<serde_json::Value> = serde_json::from_str(cases).unwrap();
    let mut passed_over = std::collections::BTreeSet::new();
    let mut checked = 0;
    for case in &cases {
        // A case with an interpolation that Petal doesn't have.
        let Ok(layer) = serde_json::from_value::<AnyLayer>(case["layer"].clone()) else { continue };
        let kept = serde_json::to_value(&layer).unwrap();
        let class = layer.class_name();
        for (setting, value) in case["layer"]["config"].as_object().unwrap() {
            let known = kept["config"].as_object().is_some_and(|kept| kept.contains_key(setting));
            // What isn't set isn't kept.
            if !known && !value.is_null() && !is_left_to_others(class, setting) {
                passed_over.insert(format!("{class}: {setting}"));
            }
            checked += 1;
        }
    }
    assert!(passed_over.is_empty(), "{passed_over:?}");
    assert!(checked > 2000, "only {checked} settings were checked");
}

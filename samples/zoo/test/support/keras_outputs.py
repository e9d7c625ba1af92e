"""Saves a network of Keras Applications with random weights and prints its logits for a picture of sines.

Arguments: name of the network, file (.keras, .h5 or .weights.h5). Batch normalization gets random statistics, so that nothing is the identity.
"""

import json
import sys

import keras
import numpy as np

NETWORKS = {
    "resnet50": keras.applications.ResNet50,
    "mobilenet_v2": keras.applications.MobileNetV2,
    "vgg16": keras.applications.VGG16,
    "densenet121": keras.applications.DenseNet121,
    "inception_v3": keras.applications.InceptionV3,
    "efficientnet_b0": keras.applications.EfficientNetB0,
}
SIZES = {"inception_v3": 139, "vgg16": 224}


def main(name, path):
    keras.utils.set_random_seed(3)
    size = SIZES.get(name, 96)
    model = NETWORKS[name](weights=None, classes=10, classifier_activation=None, input_shape=(size, size, 3))
    random = np.random.default_rng(5)
    for layer in model.layers:
        if isinstance(layer, keras.layers.BatchNormalization):
            for weight in layer.weights:
                low, high = (0.8, 1.2) if weight.name in ("gamma", "moving_variance") else (-0.2, 0.2)
                weight.assign(random.uniform(low, high, weight.shape).astype(np.float32))
        elif getattr(layer, "bias", None) is not None:
            layer.bias.assign(random.uniform(-0.2, 0.2, layer.bias.shape).astype(np.float32))
    model.save_weights(path) if path.endswith(".weights.h5") else model.save(path)
    picture = np.sin(0.05 * np.arange(size * size * 3)).astype(np.float32).reshape(1, size, size, 3)
    # This one divides by 255 itself.
    factor = 255.0 if name == "efficientnet_b0" else 1.0
    output = model.predict(picture * factor, verbose=0)
    print(json.dumps({"size": size, "output": output[0].astype(float).tolist()}))


main(*sys.argv[1:])

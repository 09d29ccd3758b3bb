"use strict";

/** What answers the page: a model in ONNX beside it, run in the browser. */
{
  let card = null;
  let session = null;

  async function load() {
    if (!window.ort) {
      throw new Error("onnxruntime-web is not where this page looks for it: README.txt beside the page says more.");
    }
    const answer = await fetch("model.json").catch(() => null);
    if (!answer?.ok) throw new Error("model.json does not come: open the page from a web server.");
    card = await answer.json();
    const folder = document.getElementById("runtime").src.replace(/[^/]*$/, "");
    ort.env.wasm.wasmPaths = folder;
    // More threads need headers that few web servers send.
    if (!window.crossOriginIsolated) ort.env.wasm.numThreads = 1;
    session = await ort.InferenceSession.create("model.onnx");
  }

  const loading = load();
  loading.catch(() => {});

  /** The photo's pixels as bytes, [height, width, channels]. */
  async function pixels(file) {
    const picture = await createImageBitmap(file, {
      imageOrientation: card.exif_orientation ? "from-image" : "none",
      premultiplyAlpha: "none",
      colorSpaceConversion: "none",
    }).catch(() => { throw new Error("The browser cannot read this as a picture."); });
    const { width, height } = picture;
    const canvas = new OffscreenCanvas(width, height).getContext("2d", { willReadFrequently: true });
    canvas.drawImage(picture, 0, 0);
    const rgba = canvas.getImageData(0, 0, width, height).data;
    const bytes = new Uint8Array(width * height * card.channels);
    for (let from = 0, to = 0; from < rgba.length; from += 4) {
      if (card.channels === 1) {
        bytes[to++] = Math.round(0.299 * rgba[from] + 0.587 * rgba[from + 1] + 0.114 * rgba[from + 2]);
      } else {
        for (let channel = 0; channel < card.channels; channel++) bytes[to++] = rgba[from + channel];
      }
    }
    return new ort.Tensor("uint8", bytes, [1, height, width, card.channels]);
  }

  window.backend = {
    hint: "JPEG, PNG, GIF, BMP or WebP. They stay in this browser: nothing is sent.",
    async models() {
      await loading;
      return [{ name: card.name, classes: card.classes }];
    },
    async classify(file) {
      await loading;
      const { probabilities } = await session.run({ image: await pixels(file) });
      const ranked = card.classes.map((name, i) => [name, probabilities.data[i]]).sort((a, b) => b[1] - a[1]);
      return { class: ranked[0][0], probability: ranked[0][1], probabilities: Object.fromEntries(ranked) };
    },
    explain: null,
  };
}

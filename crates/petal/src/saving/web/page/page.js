"use strict";

const part = (id) => document.getElementById(id);
const percent = (probability) => `${(100 * probability).toFixed(1)} %`;
const MOST_BARS = 10;
const MOST_ROWS = 200;

/**
 * What answers, of the script before this one:
 * - hint: what is said below the invitation;
 * - models(): the models, [{name, classes}];
 * - classify(file, model): {class, probability, probabilities}, the classes in the order of their probabilities;
 * - explain(file, model): a picture that shows where the model looks; none where that isn't known.
 */
const { backend } = window;

/** The last answers, newest first: {photo, class, probability, probabilities} or {photo, problem}. */
let answers = [];
/** The photo that is shown: {file, url, answer}. */
let shown = null;
let models = [];

function say(text) {
  part("status").textContent = text;
}

async function loadModels() {
  try {
    models = await backend.models();
  } catch (error) {
    return say(error.message);
  }
  say("");
  const choice = part("model");
  choice.replaceChildren(...models.map((model) => new Option(model.name, model.name)));
  part("models").hidden = models.length < 2;
  describe();
}

function describe() {
  const model = models.find((model) => model.name === part("model").value);
  if (!model) return;
  part("title").textContent = document.title = model.name;
  const [some, more] = [model.classes.slice(0, 12), model.classes.length - 12];
  part("classes").textContent = `Tells apart ${some.join(", ")}${more > 0 ? ` and ${more} more` : ""}.`;
}

async function classify(files) {
  const photos = [...files];
  for (const [done, file] of photos.entries()) {
    say(photos.length > 1 ? `${done} of ${photos.length} photos …` : "Looking …");
    const answer = { photo: file.name || "photo" };
    try {
      Object.assign(answer, await backend.classify(file, part("model").value));
    } catch (error) {
      answer.problem = error.message;
    }
    answers = [answer, ...answers].slice(0, MOST_ROWS);
    if (!answer.problem) show(file, answer);
    list();
    say(answer.problem ? `${answer.photo}: ${answer.problem}` : "");
  }
}

function cell(text, name) {
  const cell = document.createElement("td");
  cell.textContent = text;
  if (name) cell.className = name;
  return cell;
}

function wide(cell) {
  cell.colSpan = 2;
  return cell;
}

function row(...cells) {
  const row = document.createElement("tr");
  row.append(...cells);
  return row;
}

function show(file, answer) {
  if (shown) URL.revokeObjectURL(shown.url);
  shown = { file, answer, model: part("model").value, url: URL.createObjectURL(file) };
  part("photo").src = shown.url;
  part("photo").alt = `The photo, taken for ${answer.class}`;
  part("name").textContent = answer.photo;
  // Names that are numbers come in their own order.
  const ranked = Object.entries(answer.probabilities).sort((a, b) => b[1] - a[1]);
  const bars = ranked.slice(0, MOST_BARS).map(([name, probability]) => {
    const meter = document.createElement("meter");
    meter.value = probability;
    const bar = cell("");
    bar.append(meter);
    return row(cell(name), bar, cell(percent(probability), "number"));
  });
  part("bars").tBodies[0].replaceChildren(...bars);
  part("map").hidden = true;
  part("explain").disabled = false;
  part("explain").hidden = !backend.explain;
  part("latest").hidden = false;
}

function list() {
  part("history").hidden = answers.length === 0;
  part("rows").replaceChildren(...answers.map((answer) => answer.problem
    ? row(cell(answer.photo), wide(cell(answer.problem, "wrong")))
    : row(cell(answer.photo), cell(answer.class), cell(percent(answer.probability), "number"))));
}

async function explain() {
  const { file, model } = shown;
  part("explain").disabled = true;
  try {
    const picture = await backend.explain(file, model);
    if (shown.file !== file) return;
    part("heat").src = URL.createObjectURL(picture);
    part("heat").alt = `The photo with what speaks for ${shown.answer.class}`;
    part("heat").onload = () => URL.revokeObjectURL(part("heat").src);
    part("map").hidden = false;
  } catch (error) {
    say(error.message);
    part("explain").disabled = false;
  }
}

/** RFC 4180; a field that a spreadsheet would take for a formula stays text. */
function field(value) {
  const text = /^[=+\-@\t\r]/.test(value) ? `'${value}` : `${value}`;
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

function download() {
  const lines = answers.map((answer) => answer.problem
    ? [answer.photo, "", "", answer.problem]
    : [answer.photo, answer.class, `${answer.probability}`, ""]);
  const text = [["photo", "class", "probability", "problem"], ...lines]
    .map((line) => line.map(field).join(",")).join("\r\n");
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([text], { type: "text/csv" }));
  link.download = "photos.csv";
  link.click();
  URL.revokeObjectURL(link.href);
}

async function openCamera() {
  // Elsewhere than here and on https browsers give no camera to a page; a phone's own takes the photo then.
  if (!navigator.mediaDevices?.getUserMedia) {
    part("files").setAttribute("capture", "environment");
    part("files").click();
    return part("files").removeAttribute("capture");
  }
  try {
    part("video").srcObject = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
    part("viewfinder").hidden = false;
    part("shoot").focus();
  } catch (error) {
    say(`There is no camera: ${error.message}`);
  }
}

function closeCamera() {
  part("video").srcObject?.getTracks().forEach((track) => track.stop());
  part("video").srcObject = null;
  part("viewfinder").hidden = true;
  part("camera").focus();
}

function shoot() {
  const video = part("video");
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [video.videoWidth, video.videoHeight];
  canvas.getContext("2d").drawImage(video, 0, 0);
  canvas.toBlob((blob) => classify([new File([blob], "camera.jpg", { type: blob.type })]), "image/jpeg", 0.95);
}

const drop = part("drop");
drop.addEventListener("click", () => part("files").click());
drop.addEventListener("keydown", (event) => {
  if (event.key === "Enter" || event.key === " ") {
    event.preventDefault();
    part("files").click();
  }
});
addEventListener("dragover", (event) => {
  event.preventDefault();
  drop.classList.add("over");
});
addEventListener("dragleave", (event) => event.relatedTarget || drop.classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  classify(event.dataTransfer.files);
});
addEventListener("paste", (event) => event.clipboardData.files.length && classify(event.clipboardData.files));
part("files").addEventListener("change", (event) => {
  classify(event.target.files).then(() => { event.target.value = ""; });
});
part("choose").addEventListener("click", () => part("files").click());
part("camera").addEventListener("click", openCamera);
part("shoot").addEventListener("click", shoot);
part("close").addEventListener("click", closeCamera);
part("explain").addEventListener("click", explain);
part("csv").addEventListener("click", download);
part("clear").addEventListener("click", () => { answers = []; list(); });
part("model").addEventListener("change", describe);
part("token").addEventListener("change", loadModels);
part("choice").addEventListener("submit", (event) => { event.preventDefault(); loadModels(); });
part("hint").textContent = backend.hint;
loadModels();

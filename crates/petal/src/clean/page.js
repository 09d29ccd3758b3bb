const boxes = [...document.querySelectorAll("input")];
const ticked = () => [...new Set(boxes.filter((box) => box.checked).map((box) => box.value))].sort();
document.addEventListener("change", ({ target }) => {
  // A photo may stand in several sections.
  boxes.filter((box) => box.value === target.value).forEach((box) => { box.checked = target.checked; });
  document.getElementById("count").textContent = `${ticked().length} ticked`;
});
document.getElementById("save").addEventListener("click", () => {
  const list = JSON.stringify({ set_aside: ticked() }, null, 1);
  const link = document.createElement("a");
  link.href = URL.createObjectURL(new Blob([list], { type: "application/json" }));
  link.download = "petal-clean.json";
  link.click();
});

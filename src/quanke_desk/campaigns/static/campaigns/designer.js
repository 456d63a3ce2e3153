// Dragging a step onto a + moves it there, with the same form a keyboard uses: the server decides.
(function () {
  "use strict";
  var moved = "";
  document.addEventListener("dragstart", function (event) {
    var step = event.target.closest("[data-step]");
    if (!step) return;
    moved = step.dataset.step;
    event.dataTransfer.effectAllowed = "move";
    event.dataTransfer.setData("text/plain", moved);
  });
  document.addEventListener("dragover", function (event) {
    var add = event.target.closest(".add");
    if (!add || !moved) return;
    event.preventDefault();
    add.classList.add("over");
  });
  document.addEventListener("dragleave", function (event) {
    var add = event.target.closest(".add");
    if (add) add.classList.remove("over");
  });
  document.addEventListener("drop", function (event) {
    var add = event.target.closest(".add");
    if (!add || !moved) return;
    event.preventDefault();
    var form = add.querySelector("form");
    form.querySelector("[name=do]").value = "move";
    var step = document.createElement("input");
    step.type = "hidden";
    step.name = "step";
    step.value = moved;
    form.appendChild(step);
    moved = "";
    form.submit();
  });
})();

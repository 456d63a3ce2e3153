// A long list is searched as one types: a field above a select[data-search] keeps the options that have all its
// words. Down goes from the field into the list, Enter takes the first that is left; without this script the
// list is an ordinary one.
(function () {
  "use strict";
  function words(text) {
    return text.toLowerCase().split(/\s+/).filter(Boolean);
  }
  function attach(select) {
    if (select.dataset.searched) return;
    select.dataset.searched = "1";
    var all = Array.prototype.map.call(select.options, function (option) {
      return { option: option, parent: option.parentNode, text: (option.text + " " + option.value).toLowerCase() };
    });
    if (all.length < 6) return;
    var tops = Array.prototype.slice.call(select.children);
    var field = document.createElement("input");
    field.type = "search";
    field.className = "search-options";
    field.placeholder = select.dataset.search;
    field.setAttribute("aria-label", select.dataset.search);
    field.setAttribute("aria-controls", select.id);
    field.autocomplete = "off";
    select.parentNode.insertBefore(field, select);
    function narrow() {
      var wanted = words(field.value), chosen = select.value, left = [];
      all.forEach(function (each) {
        var fits = wanted.every(function (word) { return each.text.indexOf(word) >= 0; });
        // what is chosen stays in the list, so that searching alone changes nothing
        each.shown = fits || each.option.value === chosen;
        each.option.remove();
        if (each.shown && each.parent !== select) each.parent.appendChild(each.option);
        if (fits && wanted.length && each.option.value) left.push(each.option);
      });
      tops.forEach(function (top) {
        var own = all.filter(function (each) { return each.option === top; })[0];
        if (!own || own.shown) select.appendChild(top);
      });
      select.value = chosen;
      return left;
    }
    field.addEventListener("input", narrow);
    field.addEventListener("keydown", function (event) {
      if (event.key === "ArrowDown") {
        event.preventDefault();
        select.focus();
      } else if (event.key === "Enter") {
        event.preventDefault(); // a search does not send the form
        var left = narrow();
        if (left.length) {
          select.value = left[0].value;
          select.dispatchEvent(new Event("change", { bubbles: true }));
          select.focus();
        }
      } else if (event.key === "Escape") {
        field.value = "";
        narrow();
      }
    });
  }
  function attachAll(root) {
    Array.prototype.forEach.call(root.querySelectorAll("select[data-search]"), attach);
  }
  attachAll(document);
  document.addEventListener("htmx:afterSwap", function (event) { attachAll(event.target); });
})();

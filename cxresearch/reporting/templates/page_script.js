(function () {
  "use strict";
  // Sorting and filtering of the tables of this page. It reads text and writes none of it as markup.
  function numberIn(text) {
    var match = /[-+\u2212]?\d[\d,]*(\.\d+)?/.exec(text);
    if (!match) { return null; }
    return parseFloat(match[0].replace("\u2212", "-").replace(/,/g, ""));
  }
  function compare(a, b, numeric) {
    if (!numeric) { return a.localeCompare(b, undefined, { numeric: true }); }
    var x = numberIn(a), y = numberIn(b);
    if (x === null || y === null) { return (x === null) - (y === null); }
    return x - y;
  }
  function textOf(row, column) { return row.cells[column] ? row.cells[column].textContent.trim() : ""; }
  function sortBy(table, heading, column) {
    var body = table.tBodies[0];
    var down = heading.getAttribute("aria-sort") === "ascending";
    var numeric = heading.style.textAlign === "right";
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (cell) { cell.setAttribute("aria-sort", "none"); });
    heading.setAttribute("aria-sort", down ? "descending" : "ascending");
    Array.from(body.rows).map(function (row, place) { return { row: row, place: place }; })
      .sort(function (a, b) {
        var left = textOf(a.row, column), right = textOf(b.row, column);
        // What has no number stays at the end, whichever way the others go.
        if (numeric && (numberIn(left) === null || numberIn(right) === null)) {
          return compare(left, right, true) || a.place - b.place;
        }
        return (down ? -1 : 1) * compare(left, right, numeric) || a.place - b.place;
      })
      .forEach(function (entry) { body.appendChild(entry.row); });
  }
  function sortable(table) {
    Array.prototype.forEach.call(table.tHead.rows[0].cells, function (heading, column) {
      var button = document.createElement("button");
      button.type = "button";
      while (heading.firstChild) { button.appendChild(heading.firstChild); }
      heading.appendChild(button);
      heading.setAttribute("aria-sort", "none");
      button.addEventListener("click", function () { sortBy(table, heading, column); });
    });
  }
  function searchable(table) {
    var box = document.createElement("input");
    box.type = "search";
    box.className = "cx-filter";
    box.placeholder = "Show rows with \u2026";
    box.setAttribute("aria-label", "Show only rows with this text");
    box.addEventListener("input", function () {
      var wanted = box.value.toLowerCase();
      Array.prototype.forEach.call(table.tBodies[0].rows, function (row) {
        row.hidden = row.textContent.toLowerCase().indexOf(wanted) < 0;
      });
    });
    table.parentNode.parentNode.insertBefore(box, table.parentNode);
  }
  function mark() {
    document.querySelectorAll(".cx-wide").forEach(function (area) {
      var caption = area.parentNode.querySelector(".cx-caption, figcaption");
      if (caption) { caption.classList.toggle("cx-scrolls", area.scrollWidth > area.clientWidth + 2); }
    });
  }
  document.querySelectorAll("table.cx-table").forEach(function (table) {
    if (!table.tHead || !table.tBodies.length || table.tBodies[0].rows.length < 3) { return; }
    sortable(table);
    if (table.tBodies[0].rows.length > 9) { searchable(table); }
  });
  document.querySelectorAll("details").forEach(function (part) { part.addEventListener("toggle", mark); });
  window.addEventListener("resize", mark);
  window.addEventListener("beforeprint", function () {
    document.querySelectorAll("details:not(.cx-notes)").forEach(function (part) { part.open = true; });
  });
  mark();
})();

// Tables are sorted by a click on a heading, figures enlarge by a click. Without this script the page is complete, only still.
'use strict';
(function () {
  var factor = { ns: 1e-9, 'µs': 1e-6, ms: 1e-3, s: 1, min: 60, B: 1, KiB: 1024, MiB: 1048576, GiB: 1073741824, TiB: 1099511627776 };
  function value(text) {
    var m = /^[^0-9−+-]{0,4}([−+-]?[0-9][0-9\u00a0 ]*(?:\.[0-9]+)?)[\u00a0 ]*([A-Za-zµ]+)?/.exec(text.trim());
    if (!m) return null;
    return parseFloat(m[1].replace(/[\u00a0 ]/g, '').replace('−', '-')) * (factor[m[2]] || 1);
  }
  function compare(a, b, column) {
    var x = a.cells[column].textContent, y = b.cells[column].textContent, p = value(x), q = value(y);
    if (p !== null && q !== null) return p - q;
    if (p !== null) return -1;
    if (q !== null) return 1;
    return x.localeCompare(y);
  }
  document.querySelectorAll('table').forEach(function (table) {
    var body = table.tBodies[0];
    if (!table.tHead || !body || body.rows.length < 2) return;
    Array.from(table.tHead.rows[0].cells).forEach(function (head, column) {
      if (!head.textContent) return;
      var button = document.createElement('button');
      button.type = 'button';
      button.textContent = head.textContent;
      button.title = 'Sort by this column';
      head.textContent = '';
      head.appendChild(button);
      button.addEventListener('click', function () {
        var down = head.getAttribute('aria-sort') === 'ascending';
        Array.from(table.tHead.rows[0].cells).forEach(function (c) { c.removeAttribute('aria-sort'); });
        head.setAttribute('aria-sort', down ? 'descending' : 'ascending');
        Array.from(body.rows).sort(function (a, b) { return (down ? -1 : 1) * compare(a, b, column); })
          .forEach(function (row) { body.appendChild(row); });
      });
    });
  });
  var large = document.getElementById('large');
  if (large && large.showModal) {
    var place = large.querySelector('div');
    document.querySelectorAll('figure').forEach(function (figure) {
      var picture = figure.querySelector('svg.wide, svg.small');
      if (!picture) return;
      var open = function () {
        place.textContent = '';
        var copy = picture.cloneNode(true);
        copy.setAttribute('class', 'large');
        place.appendChild(copy);
        large.showModal();
      };
      figure.querySelectorAll('svg').forEach(function (svg) {
        svg.setAttribute('tabindex', '0');
        svg.addEventListener('click', open);
        svg.addEventListener('keydown', function (e) { if (e.key === 'Enter') open(); });
      });
    });
    large.addEventListener('click', function () { large.close(); });
  }
  // A link to a trial opens it.
  function unfold() {
    var at = location.hash && document.getElementById(location.hash.slice(1));
    if (at && at.tagName === 'DETAILS') at.open = true;
  }
  window.addEventListener('hashchange', unfold);
  unfold();
  // On paper nothing can be unfolded: all warnings are printed.
  window.addEventListener('beforeprint', function () {
    if (large && large.open) large.close();
    document.querySelectorAll('.warnings details').forEach(function (more) { more.open = true; });
  });
})();

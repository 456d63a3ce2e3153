/* What HTML cannot do alone: keys, dialogs, the menu of a phone. Every page works without it. */
(function () {
  'use strict';
  var all = function (what, of) { return Array.prototype.slice.call((of || document).querySelectorAll(what)); };
  var one = function (what, of) { return (of || document).querySelector(what); };
  var writes = function (e) { return e && (/^(INPUT|SELECT|TEXTAREA)$/.test(e.tagName) || e.isContentEditable); };

  function opens(name) {
    var dialog = document.getElementById(name);
    if (!dialog || !dialog.showModal) { return false; }
    if (!dialog.open) { dialog.showModal(); }
    var field = one('input[type=search]', dialog);
    if (field) { field.focus(); field.select(); if (window.htmx) { window.htmx.trigger(field, 'opened'); } }
    return true;
  }

  /* The answers of a search: arrows choose, Enter opens. */
  function choose(step, dialog) {
    var found = all('#found [role=option]', dialog), at = found.findIndex(function (a) { return a.classList.contains('chosen'); });
    if (!found.length) { return; }
    var next = found[(at + step + found.length + (at < 0 && step < 0 ? 1 : 0)) % found.length];
    found.forEach(function (a) { a.classList.toggle('chosen', a === next); a.setAttribute('aria-selected', a === next); });
    one('input[type=search]', dialog).setAttribute('aria-activedescendant', next.id);
    next.scrollIntoView({ block: 'nearest' });
  }

  /* Other answers: nothing is chosen of them yet. */
  document.addEventListener('htmx:afterSwap', function (event) {
    if (event.target.id === 'found') { one('#find input[type=search]').removeAttribute('aria-activedescendant'); }
  });

  function rowTo(step) {
    var rows = all('.list tbody tr'), at = rows.indexOf(one('.list tr.at'));
    var row = rows[Math.min(Math.max(at + step, 0), rows.length - 1)];
    if (!row) { return; }
    rows.forEach(function (r) { r.classList.toggle('at', r === row); });
    row.scrollIntoView({ block: 'nearest' });
    var link = one('a', row);
    if (link) { link.focus(); }
  }

  var before = '';
  document.addEventListener('keydown', function (event) {
    var key = event.key, dialog = one('dialog[open]');
    if ((event.ctrlKey || event.metaKey) && !event.altKey && key.toLowerCase() === 'k') {
      if (opens('find')) { event.preventDefault(); }
      return;
    }
    if (dialog && dialog.id === 'find') {
      if (key === 'Escape') { event.preventDefault(); dialog.close(); return; }  /* the field would only be emptied */
      if (key === 'ArrowDown' || key === 'ArrowUp') { event.preventDefault(); choose(key === 'ArrowDown' ? 1 : -1, dialog); }
      var chosen = one('#found .chosen', dialog);
      if (key === 'Enter' && !event.isComposing && chosen) { event.preventDefault(); chosen.click(); }
      return;
    }
    if (key === 'Escape') {
      all('details.drop[open]').forEach(function (d) { d.open = false; one('summary', d).focus(); });
      return;
    }
    if (dialog || writes(event.target) || event.ctrlKey || event.metaKey || event.altKey) { return; }
    var click = function (what) { var e = one(what); if (e) { e.click(); } };
    if (before === 'g' && key === 'h') { click('.brand'); }
    else if (before === 'g' && key === 'n') { click('#bell'); }
    else if (key === '?') { opens('shortcuts'); }
    else if (key === '/') { var field = one('.filters input:not([type=hidden]), .filters select, .filter input'); if (field) { event.preventDefault(); field.focus(); } }
    else if (key === 'j' || key === 'k') { rowTo(key === 'j' ? 1 : -1); }
    else if (key === '[') { click('a[rel=prev]'); }
    else if (key === ']') { click('a[rel=next]'); }
    before = key;
  });

  /* What comes into view by and by is fetched before it is printed, or the paper has titles and nothing below. */
  document.addEventListener('htmx:afterSettle', function (event) {
    var part = event.target.closest && event.target.closest('.part');
    if (part) { part.setAttribute('data-there', ''); }
  });
  function printWhole() {
    var parts = all('.part[hx-get]:not([data-there])'), left = parts.length;
    if (!left || !window.htmx) { window.print(); return; }
    function done() { left -= 1; if (left === 0) { window.print(); } }
    parts.forEach(function (part) {
      var once = { once: true }, ended = false;
      function end() { if (!ended) { ended = true; done(); } }
      ['htmx:afterSettle', 'htmx:responseError', 'htmx:sendError'].forEach(function (name) { part.addEventListener(name, end, once); });
      window.htmx.trigger(part, 'revealed');
    });
  }

  document.addEventListener('click', function (event) {
    var at = event.target.closest ? event.target : event.target.parentElement;
    var opener = at.closest('[data-opens]'), toggle = at.closest('[data-toggles]'), prints = at.closest('[data-prints]');
    if (opener && !event.ctrlKey && !event.metaKey && opens(opener.getAttribute('data-opens'))) { event.preventDefault(); }
    if (toggle) {
      event.preventDefault();
      var open = document.getElementById(toggle.getAttribute('data-toggles')).classList.toggle('open');
      toggle.setAttribute('aria-expanded', open);
    }
    if (prints) { printWhole(); }
    if (at.tagName === 'DIALOG') { at.close(); }
    all('details.drop[open]').forEach(function (d) { if (!d.contains(at)) { d.open = false; } });
  });

  /* A choice in a form that says so is asked at once. */
  document.addEventListener('change', function (event) {
    var form = event.target.form;
    if (form && form.hasAttribute('data-at-once')) { form.requestSubmit ? form.requestSubmit() : form.submit(); }
  });

  /* Fields left empty stay out of the address. */
  document.addEventListener('submit', function (event) {
    var form = event.target;
    if (!form.classList.contains('filters')) { return; }
    all('input, select', form).forEach(function (f) { if (!f.value) { f.disabled = true; } });
    setTimeout(function () { all('input, select', form).forEach(function (f) { f.disabled = false; }); }, 500);
  });

  /* A session that ended: the login page, not a login page within a page. */
  document.addEventListener('htmx:beforeSwap', function (event) {
    var xhr = event.detail.xhr;
    if (xhr && xhr.responseURL && /\/login\//.test(xhr.responseURL)) { event.detail.shouldSwap = false; location.reload(); }
  });
}());

/* Charts from data that the page holds: drawn as SVG, in the colours of the style sheet, described for screen readers.
   <div class="chart" data-chart="chart-tier"></div> beside <script id="chart-tier" type="application/json">. */
(function () {
  'use strict';
  var drawn = [];
  function colour(name) { return getComputedStyle(document.documentElement).getPropertyValue('--' + name).trim(); }
  function none(value) { return value === null || value === undefined; }
  function said(value) { return none(value) ? '-' : Number(value).toLocaleString('en-US'); }

  /* Money of a chart with unit "money" is fen, and said as foundation/local_form.py says it: whole, or short on an axis. */
  function yuan(fen, short) {
    if (none(fen)) { return '-'; }
    var zh = document.documentElement.lang !== 'en', held = Math.abs(fen) / 100;
    var two = { minimumFractionDigits: 2, maximumFractionDigits: 2 };
    var few = { notation: 'compact', maximumFractionDigits: zh ? 2 : 1 };
    var shown = new Intl.NumberFormat(zh ? 'zh-CN' : 'en-US', short && held >= (zh ? 10000 : 1000) ? few : two).format(held);
    return (fen < 0 ? '-' : '') + '¥' + shown;
  }

  function options(of) {
    var axis = { axisLine: { show: false }, axisTick: { show: false }, axisLabel: { color: colour('soft'), fontSize: 12 } };
    var names = Object.assign({ type: 'category', data: of.names }, axis);
    var values = Object.assign({ type: 'value', minInterval: of.kind === 'line' ? 0 : 1 }, axis, { splitLine: { lineStyle: { color: colour('line') } } });
    var flat = of.kind === 'bar', money = of.unit === 'money', whole = money ? function (v) { return yuan(v); } : said;
    if (money) { values.axisLabel = Object.assign({}, values.axisLabel, { formatter: function (v) { return yuan(v, true); } }); }
    var rows = of.rows || [{ name: of.title, values: of.values }];
    var made = {
      animation: false,
      color: ['c1', 'c2', 'c3', 'c4', 'c5', 'c6', 'c7'].map(colour),
      textStyle: { fontFamily: getComputedStyle(document.body).fontFamily, color: colour('ink') },
      aria: { enabled: true },
      tooltip: { renderMode: 'richText', confine: true, backgroundColor: colour('card'), borderColor: colour('line'), textStyle: { color: colour('ink') }, trigger: of.kind === 'pie' ? 'item' : 'axis', axisPointer: { type: of.kind === 'line' ? 'line' : 'shadow' }, valueFormatter: whole },
      legend: rows.length > 1 || of.kind === 'pie' ? { bottom: 0, textStyle: { color: colour('soft') } } : undefined
    };
    if (of.kind === 'pie') {
      made.series = [{ type: 'pie', radius: ['48%', '72%'], center: ['50%', '44%'], label: { color: colour('ink') }, itemStyle: { borderColor: colour('card'), borderWidth: 2 }, data: of.names.map(function (n, i) { return { name: n, value: of.values[i] }; }) }];
      return made;
    }
    made.grid = { left: 10, right: flat ? 72 : 12, top: 8, bottom: made.legend ? 30 : 4, containLabel: true };
    if (flat) { names.inverse = true; values.axisLabel = { show: false }; values.splitLine = { show: false }; }
    made.xAxis = flat ? values : names;
    made.yAxis = flat ? names : values;
    made.series = rows.map(function (row) {
      return { name: row.name, type: of.kind === 'line' ? 'line' : 'bar', data: row.values, barMaxWidth: 18, showSymbol: row.values.length < 32, itemStyle: flat ? { borderRadius: [0, 3, 3, 0] } : {}, cursor: of.links ? 'pointer' : 'default',
        label: { show: flat, position: 'right', color: colour('ink'), formatter: function (p) { return money ? yuan(p.value, true) : said(p.value); } } };
    });
    return made;
  }

  function draw(place) {
    var held = document.getElementById(place.getAttribute('data-chart'));
    if (!held || !window.echarts) { return; }
    var of = JSON.parse(held.textContent);
    var lang = document.documentElement.lang === 'en' ? 'EN' : 'ZH';
    var chart = window.echarts.getInstanceByDom(place) || window.echarts.init(place, null, { renderer: 'svg', locale: lang });
    chart.setOption(options(of), true);
    chart.off('click');
    if (of.links) { chart.on('click', function (p) { if (of.links[p.dataIndex]) { location.href = of.links[p.dataIndex]; } }); }
    if (drawn.indexOf(place) < 0) { drawn.push(place); }
  }

  function all(of) { Array.prototype.forEach.call((of || document).querySelectorAll('[data-chart]'), draw); }
  function fit() { drawn.forEach(function (p) { var c = window.echarts.getInstanceByDom(p); if (c) { c.resize(); } }); }
  document.addEventListener('DOMContentLoaded', function () { all(); });
  document.addEventListener('htmx:load', function (event) { all(event.target.parentElement || document); });
  window.addEventListener('resize', fit);
  window.addEventListener('beforeprint', fit);
  var dark = window.matchMedia('(prefers-color-scheme: dark)');
  if (dark.addEventListener) { dark.addEventListener('change', function () { all(); }); }
}());

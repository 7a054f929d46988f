// The charts of the page. Runs in a browser, after Chart.js and `results`.
/* global Chart, results, document */
(() => {
  const place = document.getElementById('charts');
  const palette = [
    '#1f6feb',
    '#0a7d32',
    '#8250df',
    '#bf8700',
    '#cf222e',
    '#57606a',
    '#1b7c83',
    '#bc4c00',
    '#6e40c9',
    '#116329',
  ];
  const colours = new Map();
  const colourOf = (name) => {
    if (name.startsWith('C loop')) return '#000000';
    if (!colours.has(name)) colours.set(name, palette[colours.size % palette.length]);
    return colours.get(name);
  };
  const nameOf = ({ contender, form }) => `${contender} ${form}`;
  const unique = (values) => [...new Set(values)];
  const measured = (list) => list.filter(({ perSecond }) => perSecond !== undefined);

  function section(title) {
    const heading = document.createElement('h2');
    heading.textContent = title;
    const row = document.createElement('div');
    row.className = 'row';
    place.append(heading, row);
    return row;
  }

  function draw(row, type, data, title, options) {
    const box = document.createElement('div');
    box.className = 'chart';
    const canvas = document.createElement('canvas');
    box.append(canvas);
    row.append(box);
    const plugins = {
      title: { display: true, text: title },
      legend: { display: type === 'line', position: 'bottom' },
    };
    new Chart(canvas, {
      type,
      data,
      options: { animation: false, maintainAspectRatio: false, plugins, ...options },
    });
  }

  /** For axes with many powers of ten, only these are labelled. */
  const fewTicks = (scale) => {
    if (scale.max / scale.min < 1000) return;
    scale.ticks = scale.ticks.filter(({ value }) => Math.abs(Math.log10(value) % 1) < 1e-6);
  };
  const inFull = (value) => value.toLocaleString('en', { maximumSignificantDigits: 3 });
  const axis = (text, type = 'logarithmic') => ({
    type,
    title: { display: true, text },
    ...(type === 'logarithmic' && { afterBuildTicks: fewTicks, ticks: { callback: inFull } }),
  });
  /** The measured numbers of sessions. */
  const sessionsAxis = (entries) => ({
    ...axis('sessions'),
    afterBuildTicks: (scale) => {
      scale.ticks = unique(entries.map(({ sessions }) => sessions)).map((value) => ({ value }));
    },
  });

  /** One line for each name: `point` converts an entry to { x, y }. */
  function lines(row, title, entries, labelOf, point, x, y) {
    const datasets = unique(entries.map(labelOf)).map((label) => ({
      label,
      data: entries.filter((entry) => labelOf(entry) === label).map(point),
      borderColor: colourOf(label),
      backgroundColor: colourOf(label),
      borderWidth: 1.5,
      pointRadius: 2,
    }));
    draw(row, 'line', { datasets }, title, { scales: { x, y } });
  }

  for (const module of unique(results.operations.map((result) => result.module))) {
    const all = measured(results.operations).filter((result) => result.module === module);
    const counts = unique(all.map(({ sessions }) => sessions));
    for (const operation of unique(all.map((result) => result.operation))) {
      const own = all.filter((result) => result.operation === operation);
      const row = section(`${module}: ${results.titles[operation]}`);
      const one = own.filter(({ sessions, contender }) => sessions === counts[0] && contender !== 'C loop');
      const bars = {
        labels: one.map(nameOf),
        datasets: [
          {
            data: one.map(({ ratio }) => ratio.median),
            backgroundColor: one.map((result) => colourOf(nameOf(result))),
          },
        ],
      };
      const slow = one.some(({ ratio }) => ratio.median < 0.02);
      draw(row, 'bar', bars, `ratio to the C loop, ${counts[0]} session${counts[0] === 1 ? '' : 's'}`, {
        indexAxis: 'y',
        scales: { x: slow ? axis('') : { ...axis('', 'linear'), beginAtZero: true } },
      });
      if (counts.length < 2) continue;
      const many = own.filter(({ form }) => !form.endsWith('sync') || form.endsWith('async'));
      const point = ({ sessions, perSecond }) => ({ x: sessions, y: perSecond.median });
      lines(row, 'operations per second', many, nameOf, point, sessionsAxis(many), axis(''));
    }
  }

  for (const module of unique(results.slow.map((result) => result.module))) {
    const own = measured(results.slow).filter((result) => result.module === module);
    const row = section(`${module}: sign P-256`);
    const rate = ({ sessions, perSecond }) => ({ x: sessions, y: perSecond.median });
    lines(row, 'signatures per second', own, nameOf, rate, sessionsAxis(own), axis(''));
    const late = own.filter(({ delay }) => delay !== undefined);
    const delay = ({ sessions, delay: { p99 } }) => ({ x: sessions, y: p99 });
    lines(
      row,
      'delay of the event loop, p99 in ms',
      late,
      nameOf,
      delay,
      sessionsAxis(late),
      axis('', 'linear'),
    );
  }

  if (results.growth.length > 0) {
    const row = section('Growth');
    const points = results.growth.flatMap(({ kind, points: all }) =>
      all.filter(({ again }) => !again).map((each) => ({ kind, ...each })),
    );
    const kindOf = ({ kind }) => kind;
    const time = ({ count, milliseconds }) => ({ x: count, y: milliseconds });
    const each = ({ count, milliseconds }) => ({ x: count, y: (milliseconds * 1000) / count });
    const memory = ({ count, peak }) => ({ x: count, y: peak / 2 ** 20 });
    lines(row, 'time in ms', points, kindOf, time, axis('how many'), axis(''));
    lines(row, 'time for each in µs', points, kindOf, each, axis('how many'), axis(''));
    lines(row, 'most memory of the process in MiB', points, kindOf, memory, axis('how many'), {
      ...axis('', 'linear'),
      beginAtZero: true,
    });
  }
})();

/** What the shapes mean; the words stand beside them, so that colour is never the only sign. */
export const LEGEND: string = [
  entry(
    0,
    0,
    '<g class="op write ok"><rect class="bar" x="1" y="1" width="34" height="18" rx="2"/></g>',
    'writes',
  ),
  entry(
    110,
    0,
    '<g class="op read ok"><rect class="bar" x="1" y="1" width="34" height="18" rx="9"/></g>',
    'reads',
  ),
  entry(
    220,
    0,
    '<g class="op both ok"><rect class="bar" x="1" y="1" width="34" height="18" rx="6"/></g>',
    'both',
  ),
  entry(
    0,
    28,
    '<g class="op write fail"><rect class="bar" x="1" y="1" width="34" height="18" rx="2"/></g>',
    'did not happen',
  ),
  entry(
    180,
    28,
    '<g class="op write unknown"><rect class="bar" x="1" y="1" width="34" height="18" rx="2" mask="url(#qt-open)"/></g>',
    'unknown: later, or never',
  ),
  entry(
    0,
    56,
    '<g class="op write bad hot"><rect class="halo" x="0" y="0" width="36" height="20" rx="5"/><rect class="bar" x="3" y="3" width="30" height="14" rx="2"/></g>',
    'the offending one; tinted: all that ran beside it',
  ),
  entry(
    0,
    84,
    '<g class="op write hot"><rect class="halo" x="0" y="0" width="36" height="20" rx="5"/><rect class="bar" x="3" y="3" width="30" height="14" rx="2"/></g>',
    'part of the proof; all others are dimmed',
  ),
  entry(
    0,
    112,
    '<g class="order"><circle cx="18" cy="5" r="3.5"/><text x="18" y="18">3</text></g>',
    'took effect here, as 3rd, in a legal order',
  ),
  entry(
    0,
    140,
    '<rect class="strip" x="1" y="1" width="34" height="18"/><rect class="band" x="1" y="1" width="34" height="18"/>',
    'a fault was active',
  ),
].join('')

function entry(x: number, y: number, shape: string, text: string): string {
  return `<g transform="translate(${x + 2} ${y + 2})">${shape}<text x="44" y="14">${text}</text></g>`
}

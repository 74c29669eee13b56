// The look of a drawing's series by its place: the style sheet has eight colours, which then begin anew.
const COLOURS = 8;

export const seriesClass = (index) => `series-${(index % COLOURS) + 1}`;
export const seriesColour = (index) => `--series-${(index % COLOURS) + 1}`;

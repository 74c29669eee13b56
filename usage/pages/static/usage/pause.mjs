// Whether the visitor has stopped the list of calls from growing.
export const isPaused = () => document.querySelector("[data-pauses][aria-pressed=true]") !== null;

// Server-sent events out of a stream's bytes, as the HTML standard reads them: lines end with CR LF, LF or CR, and an
// event with an empty line. Names, ids, retries and comments are left out.
const LINE_END = /\r\n|\r|\n/;

// Takes text as it comes and gives the data of the events that are whole with it. Linear in the text, however long.
export class EventParser {
  #begun = []; // the pieces of a line that has not ended
  #data = []; // the event's lines of data so far
  #isAfterCr = false;

  // The data of each event that is whole now.
  take(text) {
    const [first, ...others] = this.#withoutHalfLineEnd(text).split(LINE_END);
    this.#begun.push(first);
    const events = [];
    for (const begun of others) {
      this.#endLine(events);
      this.#begun.push(begun);
    }
    return events;
  }

  // At the end of all text: the last event, which need not be ended by an empty line.
  end() {
    return this.take("\n\n");
  }

  // A CR at the end of one piece has ended its line: an LF that begins the next one belongs to it.
  #withoutHalfLineEnd(text) {
    if (text === "") return text;
    const rest = this.#isAfterCr && text.startsWith("\n") ? text.slice(1) : text;
    this.#isAfterCr = text.endsWith("\r");
    return rest;
  }

  #endLine(events) {
    const line = this.#begun.join("");
    this.#begun.length = 0;
    if (line === "") {
      if (this.#data.length > 0) events.push(this.#data.join("\n"));
      this.#data.length = 0;
      return;
    }
    const [, field, value] = /^([^:]*)(?:: ?)?(.*)$/s.exec(line);
    if (field === "data") this.#data.push(value);
  }
}

// The data of the events in a ReadableStream of bytes: a list for each piece that came, so that what came together can
// be shown together. Whoever stops early cancels the stream.
export async function* eventsOf(stream) {
  const parser = new EventParser();
  const reader = stream.pipeThrough(new TextDecoderStream()).getReader();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      yield done ? parser.end() : parser.take(value);
      if (done) return;
    }
  } finally {
    // Nothing to cancel once it has ended or broken off.
    reader.cancel().catch(() => {});
  }
}

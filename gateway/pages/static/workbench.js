// The workbench: reads a form into a request, runs it with the member's session, shows what comes back as it comes.
// Answers are only ever put into the page as text, or as files of their own type.
"use strict";
(() => {
  const form = document.getElementById("workbench-form");
  const $ = (id) => document.getElementById(id);
  if (!form) return;
  const set = form.dataset;
  const words = JSON.parse($("words").textContent);
  const token = () => JSON.parse(document.body.getAttribute("hx-headers"))["X-CSRFToken"];
  const say = (name, values = {}) => words[name].replace(/\{(\w+)\}/g, (_, key) => values[key]);
  const element = (tag, properties = {}, ...children) => {
    const made = Object.assign(document.createElement(tag), properties);
    made.append(...children);
    return made;
  };
  const MOST_SHOWN = 20000;
  const PREVIEW_AFTER_MS = 300;

  // The form as a body, and back. What no field can hold stays in `rest`.
  let rest = {};
  const boxes = [...form.querySelectorAll("[data-field]")];
  const box = (name) => boxes.find((each) => each.dataset.field === name);
  const control = (each) => each.querySelector("input, select, textarea");
  const rowsOf = (each) => [...each.querySelectorAll(".rows > .row")];
  const part = (row, name) => row.querySelector(`[data-part="${name}"]`);

  const readers = {
    text: (each) => control(each).value || undefined,
    number: (each) => (control(each).value === "" ? undefined : Number(control(each).value)),
    flag: (each) => ({ true: true, false: false })[control(each).value],
    choice: (each) => {
      const { value } = control(each);
      return value === "" ? undefined : each.dataset.choiceType === "number" ? Number(value) : value;
    },
    lines: (each) => {
      const lines = control(each).value.split("\n").filter((line) => line.trim());
      return lines.length ? lines : undefined;
    },
    messages: (each) => {
      const said = rowsOf(each).map((row) => ({ role: part(row, "role").value, content: part(row, "content").value }));
      const kept = said.filter((message) => message.content !== "");
      return kept.length ? kept : undefined;
    },
    dialogue: (each) => {
      const said = rowsOf(each).map((row) => {
        const voice = part(row, "voice").value;
        return { text: part(row, "text").value, ...(voice && { voice }) };
      });
      const kept = said.filter((line) => line.text !== "");
      return kept.length ? kept : undefined;
    },
    file: () => undefined,
  };
  const kindOf = (each) =>
    ({ multiline: "text", url: "text", integer: "number" })[each.dataset.kind] ?? each.dataset.kind;

  const isText = (value) => typeof value === "string";
  const fits = {
    text: isText,
    number: (value) => typeof value === "number",
    flag: (value) => typeof value === "boolean",
    choice: (value, each) => [...control(each).options].some((option) => option.value === String(value)),
    lines: (value) => Array.isArray(value) && value.every((line) => isText(line) && line.trim() && !line.includes("\n")),
    messages: (value, each) => rowsFit(value, each, "role", "content", true),
    dialogue: (value, each) => rowsFit(value, each, "voice", "text", false),
    file: () => false,
  };
  const rowsFit = (value, each, choice, text, needsChoice) => {
    const known = [...part(each.querySelector("template").content, choice).options].map((option) => option.value);
    return (
      Array.isArray(value) &&
      value.length > 0 &&
      value.every(
        (row) =>
          row !== null &&
          typeof row === "object" &&
          isText(row[text]) &&
          (choice in row ? known.includes(row[choice]) : !needsChoice) &&
          Object.keys(row).every((name) => name === choice || name === text),
      )
    );
  };
  const addRow = (each, row = {}) => {
    const made = each.querySelector("template").content.firstElementChild.cloneNode(true);
    for (const [name, value] of Object.entries(row)) part(made, name).value = value;
    each.querySelector(".rows").append(made);
    return made;
  };
  const write = (each, value) => {
    const kind = kindOf(each);
    if (kind === "file") return;
    if (kind === "messages" || kind === "dialogue") {
      for (const row of rowsOf(each)) row.remove();
      for (const row of value ?? [{}]) addRow(each, row);
    } else if (kind === "lines") control(each).value = (value ?? []).join("\n");
    else control(each).value = value === undefined ? "" : String(value);
  };

  const fieldValues = () => {
    const values = {};
    for (const each of boxes) {
      const value = readers[kindOf(each)](each);
      if (value !== undefined) values[each.dataset.field] = value;
    }
    return values;
  };
  const formValues = () => (set.method === "get" ? {} : { model: set.model, ...rest, ...fieldValues() });
  const fill = (values) => {
    rest = {};
    for (const each of boxes) if (!(each.dataset.field in values)) write(each, undefined);
    for (const [name, value] of Object.entries(values)) {
      const each = box(name);
      if (each && fits[kindOf(each)](value, each)) write(each, value);
      else {
        if (each) write(each, undefined);
        if (name !== "model" || value !== set.model) rest[name] = value;
      }
    }
  };

  // The JSON tab.
  const json = $("json");
  const onJson = () => json !== null && !$("json-tab").hidden;
  const parsed = () => {
    try {
      const values = JSON.parse(json.value);
      if (values !== null && typeof values === "object" && !Array.isArray(values)) return values;
    } catch {
      // said below
    }
    return null;
  };
  const show = (tab) => {
    const asJson = tab === "json" && json !== null;
    if (json) {
      if (asJson && !onJson()) json.value = JSON.stringify(formValues(), null, 2);
      $("json-tab").hidden = !asJson;
    }
    $("fields").hidden = asJson;
    for (const button of document.querySelectorAll("[data-shows]"))
      button.setAttribute("aria-pressed", String(button.dataset.shows === (asJson ? "json" : "form")));
  };
  // What would be sent: null while the JSON is none.
  const values = () => (onJson() ? parsed() : formValues());

  // Problems, each at its field.
  const clearProblems = () => {
    for (const problem of form.querySelectorAll(".problem")) problem.hidden = true;
    for (const invalid of form.querySelectorAll("[aria-invalid]")) invalid.removeAttribute("aria-invalid");
  };
  const showProblem = (param, message) => {
    if (onJson()) {
      json.setAttribute("aria-invalid", "true");
      $("json-problem").textContent = message;
      $("json-problem").hidden = false;
      json.focus();
      return;
    }
    const each = box(String(param ?? "").split(".")[0]);
    if (!each) return;
    const place = Number(String(param).split(".")[1]);
    const input = (Number.isInteger(place) && rowsOf(each)[place]?.querySelector("textarea")) || control(each);
    const problem = each.querySelector(".problem");
    problem.textContent = message;
    problem.hidden = false;
    input.setAttribute("aria-invalid", "true");
    each.closest("details")?.setAttribute("open", "");
    input.focus();
  };

  // The file: dropped or chosen, shown before it is sent.
  const drop = form.querySelector(".drop");
  const fileInput = drop?.querySelector("input");
  let audioMs = null;
  let shownFile = null;
  const file = () => fileInput?.files[0] ?? null;
  const isTooLarge = () => file() !== null && file().size > Number(set.sizeLimit);
  const showFile = () => {
    const preview = drop.querySelector(".drop-preview");
    preview.replaceChildren();
    audioMs = null;
    if (shownFile) URL.revokeObjectURL(shownFile);
    shownFile = null;
    clearProblems();
    const given = file();
    if (!given) return;
    if (isTooLarge()) showProblem(set.fileField, words.tooLarge);
    shownFile = URL.createObjectURL(given);
    if (given.type.startsWith("image/")) preview.append(element("img", { src: shownFile, alt: given.name }));
    if (given.type.startsWith("audio/") || given.type.startsWith("video/")) {
      const player = element("audio", { src: shownFile, controls: true });
      player.setAttribute("aria-label", given.name);
      player.addEventListener("loadedmetadata", () => {
        if (Number.isFinite(player.duration)) audioMs = Math.ceil(player.duration * 1000);
        previewSoon();
      });
      preview.append(player);
    }
  };
  if (drop) {
    fileInput.addEventListener("change", () => {
      showFile();
      previewSoon();
    });
    for (const name of ["dragenter", "dragover"])
      drop.addEventListener(name, (event) => {
        event.preventDefault();
        drop.classList.add("over");
      });
    for (const name of ["dragleave", "drop"]) drop.addEventListener(name, () => drop.classList.remove("over"));
    drop.addEventListener("drop", (event) => {
      event.preventDefault();
      if (!event.dataTransfer.files.length) return;
      fileInput.files = event.dataTransfer.files;
      showFile();
      previewSoon();
    });
  }
  const asTexts = (given) =>
    Object.fromEntries(Object.entries(given).map(([name, value]) => [name, isText(value) ? value : JSON.stringify(value)]));

  // What it would cost, and what it looks like as code: asked of the platform, which has both at first hand.
  let language = localStorage.getItem("workbench-language") ?? "curl";
  let codes = [];
  const showCode = () => {
    const buttons = codes.map((code) => {
      const button = element("button", { type: "button", textContent: code.label });
      button.dataset.language = code.language;
      button.setAttribute("aria-pressed", String(code.language === language));
      return button;
    });
    const focused = document.activeElement?.dataset?.language;
    $("languages").replaceChildren(...buttons);
    buttons.find((button) => button.dataset.language === focused)?.focus();
    $("code").textContent = codes.find((code) => code.language === language)?.source ?? codes[0]?.source ?? "";
  };
  let asked = 0;
  const preview = async () => {
    const given = values();
    if (given === null) return;
    const number = ++asked;
    const described = file() && {
      name: file().name,
      size_bytes: file().size,
      content_type: file().type,
      audio_ms: audioMs,
    };
    try {
      const answer = await fetch(set.preview, {
        method: "POST",
        headers: { "Content-Type": "application/json", "X-CSRFToken": token() },
        body: JSON.stringify({
          endpoint: set.endpoint,
          values: set.fileField ? asTexts(given) : given,
          file: described,
        }),
      });
      if (!answer.ok || number !== asked) return;
      const told = await answer.json();
      $("ceiling").textContent = told.ceiling === undefined ? words.noCeiling : say("atMost", { credits: told.ceiling });
      $("ceiling").title = told.problem?.message ?? "";
      codes = told.code;
      showCode();
    } catch {
      // Away for now: the next change asks again.
    }
  };
  let timer = 0;
  const previewSoon = () => {
    clearTimeout(timer);
    timer = setTimeout(preview, PREVIEW_AFTER_MS);
  };

  // What was typed outlives reloads and changes of endpoint, in this tab only.
  const KEPT = `workbench:${set.account}:${set.endpoint}`;
  const keep = () => {
    try {
      sessionStorage.setItem(KEPT, JSON.stringify({ model: set.model, values: values() ?? formValues(), json: onJson() }));
    } catch {
      // A full store loses nothing that is on the page.
    }
  };
  const restore = () => {
    const kept = JSON.parse(sessionStorage.getItem(KEPT) ?? "null");
    if (!kept) return;
    const known = Object.entries(kept.values).filter(([name]) => box(name) || (kept.model === set.model && name !== "model"));
    fill(Object.fromEntries(known));
    if (kept.json) show("json");
  };

  // Showing answers.
  const result = $("result");
  let made = [];
  const address = (blob) => {
    const url = URL.createObjectURL(blob);
    made.push(url);
    return url;
  };
  const clearResult = () => {
    for (const url of made) URL.revokeObjectURL(url);
    made = [];
    result.replaceChildren();
  };
  const downloadLink = (blob, name) =>
    element("a", { className: "button", href: address(blob), download: name, textContent: words.download });
  const asJson = (value, open) => {
    const text = JSON.stringify(value, null, 2).replace(/\[[\s\d.,eE+-]+\]/g, (numbers) => numbers.replace(/\s+/g, " "));
    const pre = element("pre", { textContent: text.slice(0, MOST_SHOWN) });
    const parts = [pre];
    if (text.length > MOST_SHOWN) parts.push(element("p", { className: "muted small", textContent: words.shortened }));
    parts.push(downloadLink(new Blob([JSON.stringify(value)], { type: "application/json" }), "answer.json"));
    if (open) return element("div", {}, ...parts);
    return element("details", {}, element("summary", { textContent: words.asJson }), ...parts);
  };
  const vector = (numbers) => {
    const space = "http://www.w3.org/2000/svg";
    const shown = numbers.slice(0, 256);
    const most = Math.max(...shown.map(Math.abs)) || 1;
    const picture = document.createElementNS(space, "svg");
    picture.setAttribute("class", "vector");
    picture.setAttribute("viewBox", `0 0 ${shown.length} 100`);
    picture.setAttribute("preserveAspectRatio", "none");
    picture.setAttribute("role", "img");
    picture.setAttribute("aria-label", words.picture);
    shown.forEach((number, place) => {
      const height = (Math.abs(number) / most) * 50;
      const bar = document.createElementNS(space, "rect");
      bar.setAttribute("x", String(place));
      bar.setAttribute("y", String(number < 0 ? 50 : 50 - height));
      bar.setAttribute("width", "0.8");
      bar.setAttribute("height", String(height));
      if (number < 0) bar.setAttribute("class", "below");
      picture.append(bar);
    });
    const count = element("p", { className: "muted small", textContent: say("numbers", { count: numbers.length }) });
    return element("div", {}, picture, count);
  };
  const ranking = (ranks, passages) => {
    const head = element("tr", {}, ...["score", "passage"].map((name) => element("th", { scope: "col", textContent: words[name] })));
    const rows = ranks.map((rank) => {
      const score = rank.relevance_score ?? rank.score;
      const passage = rank.document?.text ?? passages[rank.index] ?? `#${rank.index}`;
      return element(
        "tr",
        {},
        element("td", { className: "number", textContent: String(Math.round(score * 10000) / 10000) }),
        element("td", { textContent: passage }),
      );
    });
    return element("table", { className: "table" }, element("thead", {}, head), element("tbody", {}, ...rows));
  };
  const isRanking = (value) =>
    Array.isArray(value) && value.length > 0 && value.every((rank) => typeof (rank?.relevance_score ?? rank?.score) === "number" && Number.isInteger(rank.index));
  const showJson = (value, sent) => {
    const ranks = [value, value?.results, value?.data].find(isRanking);
    const text = value?.choices?.[0]?.message?.content ?? value?.text;
    const picture = isText(text)
      ? element("div", { className: "said", textContent: text })
      : Array.isArray(value?.embeddingVector)
        ? vector(value.embeddingVector)
        : ranks
          ? ranking(ranks, sent.input ?? sent.documents ?? [])
          : null;
    if (picture) result.append(picture);
    result.append(asJson(value, picture === null));
  };
  const showFileAnswer = async (answer, type) => {
    const blob = new Blob([await answer.arrayBuffer()], { type });
    const kind = type.split("/")[0];
    const name = `answer.${{ "audio/mpeg": "mp3", "image/jpeg": "jpg" }[type] ?? type.split("/")[1].replace("x-", "")}`;
    if (kind === "image") result.append(element("img", { src: address(blob), alt: words.image }));
    if (kind === "audio") {
      const player = element("audio", { src: address(blob), controls: true });
      player.setAttribute("aria-label", words.sound);
      result.append(player);
    }
    result.append(downloadLink(blob, name));
  };
  const showStream = async (answer, figures) => {
    const said = element("div", { className: "said" });
    const thoughts = element("div", { className: "thoughts" });
    const thinking = element("details", { hidden: true, open: true }, element("summary", { textContent: words.thoughts }), thoughts);
    result.append(thinking, said);
    const reader = answer.body.pipeThrough(new TextDecoderStream()).getReader();
    let buffer = "";
    let whole = false;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) break;
      buffer += value;
      const events = buffer.split("\n\n");
      buffer = events.pop();
      for (const event of events) {
        const data = event.split("\n").filter((line) => line.startsWith("data:")).map((line) => line.slice(5).trim()).join("\n");
        if (data === "[DONE]") whole = true;
        if (!data || data === "[DONE]") continue;
        const chunk = JSON.parse(data);
        if (chunk.error) throw Object.assign(new Error(chunk.error.message), { told: true });
        if (chunk.credits_consumed !== undefined) figures.cost = String(chunk.credits_consumed);
        const delta = chunk.choices?.[0]?.delta ?? {};
        if (delta.content || delta.reasoning_content) figures.firstToken ??= performance.now();
        if (delta.reasoning_content) {
          thinking.hidden = false;
          thoughts.append(delta.reasoning_content);
        }
        if (delta.content) said.append(delta.content);
        if (delta.tool_calls) said.append(JSON.stringify(delta.tool_calls));
      }
      result.scrollTop = result.scrollHeight;
    }
    if (!whole) throw Object.assign(new Error(words.broken), { told: true });
  };
  const showTask = (told) => {
    const id = told.data.task_id;
    for (const warning of told.data.warnings ?? []) result.append(element("div", { className: "notice warning", textContent: warning }));
    const place = element("div", { id: "task-place" });
    result.append(place);
    htmx.ajax("GET", set.panel.replace("TASK", encodeURIComponent(id)), { target: "#task-place", swap: "innerHTML" });
  };

  // Running.
  let controller = null;
  const duration = (ms) => (ms < 1000 ? `${Math.round(ms)} ms` : `${(ms / 1000).toFixed(2)} s`);
  const running = (runs, text) => {
    $("state").textContent = text;
    $("state").classList.toggle("runs", runs);
    $("stop").hidden = !runs;
    $("run").disabled = runs;
    result.setAttribute("aria-busy", String(runs));
  };
  const showFigures = (figures) => {
    $("figures").hidden = false;
    $("cost").textContent = figures.held ? words.held : figures.cost === null ? words.seeReceipt : say("credits", { credits: figures.cost });
    $("first-byte").textContent = duration((figures.firstToken ?? figures.firstByte) - figures.started);
    $("total").textContent = duration(figures.ended - figures.started);
    $("receipt").textContent = figures.requestId ?? "–";
    if (figures.requestId) $("receipt").href = set.receipt.replace("REQUEST", figures.requestId);
  };
  const refusal = async (answer) => {
    const told = await answer.json().catch(() => ({}));
    const described = typeof told.error === "object" && told.error !== null ? told.error : { message: told.error, param: told.param };
    const message = answer.status === 401 ? words.signedOut : described.message ?? words.failed;
    result.append(element("div", { className: "notice error", role: "alert", textContent: `${answer.status} · ${message}` }));
    if (described.param) showProblem(described.param, message);
  };
  const requestOf = (given) => {
    const headers = { "X-CSRFToken": token(), "X-Account": set.account };
    if (set.method === "get") return { method: "GET", headers };
    if (!set.fileField) {
      return { method: "POST", headers: { ...headers, "Content-Type": "application/json" }, body: JSON.stringify(given) };
    }
    const body = new FormData();
    for (const [name, text] of Object.entries(asTexts(given))) body.append(name, text);
    if (file()) body.append(set.fileField, file(), file().name);
    return { method: "POST", headers, body };
  };
  const run = async () => {
    if (controller || $("run").disabled) return;
    clearProblems();
    const given = values();
    if (given === null) return showProblem("", words.badJson);
    if (isTooLarge()) return showProblem(set.fileField, words.tooLarge);
    keep();
    clearTimeout(timer);
    preview();
    controller = new AbortController();
    clearResult();
    $("figures").hidden = true;
    running(true, words.running);
    const figures = { started: performance.now(), firstByte: null, firstToken: null, ended: null, cost: null, requestId: null, held: false };
    let state = words.done;
    try {
      const answer = await fetch(set.path, { ...requestOf(given), signal: controller.signal });
      figures.firstByte = performance.now();
      figures.requestId = answer.headers.get("X-Request-Id");
      figures.cost = answer.headers.get("X-Credits-Consumed");
      running(true, words.receiving);
      const type = (answer.headers.get("Content-Type") ?? "").split(";")[0].trim();
      if (!answer.ok) {
        figures.cost ??= "0";
        state = `${answer.status}`;
        await refusal(answer);
      } else if (type === "text/event-stream") await showStream(answer, figures);
      else if (set.isTask) {
        figures.held = true;
        showTask(await answer.json());
      } else if (type === "application/json") showJson(await answer.json(), given);
      else if (type.startsWith("text/")) result.append(element("div", { className: "said", textContent: await answer.text() }));
      else await showFileAnswer(answer, type);
    } catch (error) {
      state = "";
      const message = error.name === "AbortError" ? words.stopped : error.told ? error.message : words.unreachable;
      const look = error.name === "AbortError" ? "warning" : "error";
      result.append(element("div", { className: `notice ${look}`, role: "alert", textContent: message }));
    }
    figures.ended = performance.now();
    figures.firstByte ??= figures.ended;
    controller = null;
    running(false, state);
    showFigures(figures);
  };

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    run();
  });
  $("stop").addEventListener("click", () => controller?.abort());
  document.addEventListener("keydown", (event) => {
    if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) {
      event.preventDefault();
      run();
    }
  });
  form.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const each = button.closest("[data-field]");
    if ("addsRow" in button.dataset) addRow(each).querySelector("textarea").focus();
    else if ("removesRow" in button.dataset) {
      button.closest(".row").remove();
      if (!rowsOf(each).length) addRow(each);
      each.querySelector("[data-adds-row]").focus();
    } else return;
    keep();
    previewSoon();
  });
  form.addEventListener("input", (event) => {
    if (event.target === json) {
      const given = parsed();
      $("json-problem").textContent = words.badJson;
      $("json-problem").hidden = given !== null;
      json.toggleAttribute("aria-invalid", given === null);
      if (given) fill(given);
    }
    keep();
    previewSoon();
  });
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (button?.dataset.shows) {
      show(button.dataset.shows);
      keep();
    }
    if (button?.dataset.language) {
      language = button.dataset.language;
      localStorage.setItem("workbench-language", language);
      showCode();
    }
  });
  // Another endpoint has other models: its own default is chosen for it.
  $("choose-endpoint").addEventListener("change", (event) => {
    location.href = `?endpoint=${encodeURIComponent(event.target.value)}`;
  });
  $("choose-model").addEventListener("change", () => $("choice").submit());

  restore();
  preview();
})();

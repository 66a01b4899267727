// Tables of lesions decided by a reader, or by an adjudicator over two readers: kept in this browser, saved as a file, locked once done.
(function () {
  const root = document.documentElement;
  const at = (id) => document.getElementById("reading-" + id);
  const data = JSON.parse(at("data").textContent);
  const settles = data.mode === "adjudicator";
  const STORE = ["docphim-reading", data.set, settles ? "truth" : data.reader].join(":");
  //: A pause longer than this is no reading, milliseconds.
  const PAUSE = 120000;

  const word = (key) => data.words[key][root.lang];
  const copy = (value) => JSON.parse(JSON.stringify(value));
  const same = (one, two) => JSON.stringify(one) === JSON.stringify(two);
  const sound = (text) => text.replace(/[\uD800-\uDFFF]/gu, "\uFFFD");  // a half of a letter has no bytes to be hashed
  const current = () => state.cases[state.place];

  const state = { place: 0, name: "", locked: null, cases: data.cases.map(fresh) };
  let editing = null, pending = null, touched = performance.now(), unsaved = false, shownLine = "";

  function fresh(given) {
    const rows = given.rows.map((row) => settles
      ? { row: row.row, state: row.state, lesion: copy(row.lesion), report: row.report, readers: row.readers }
      : { row: row.row, state: "open", lesion: copy(row.lesion) });
    return { case: given.case, seconds: 0, done: false, judged: true, note: "", rows };
  }

  function make(tag, attributes = {}, ...children) {
    const node = document.createElement(tag);
    for (const [name, value] of Object.entries(attributes)) {
      if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
      else if (value === true) node.setAttribute(name, "");
      else if (value !== false && value !== null) node.setAttribute(name, value);
    }
    node.append(...children.filter((child) => child !== null));
    return node;
  }

  // ---- what a lesion is, in words of the language shown
  const number = (value) => String(value).replace(".", root.lang === "vi" ? "," : ".");
  function called(kind, name) {
    const listed = data.names[kind][name];
    return listed ? listed[root.lang] : String(name).replaceAll("_", " ");
  }
  // A place is called by its organ where it is one of that organ alone: the head of the pancreas, of the femur.
  const placed = (name, organ) => ((data.finer[organ] || {})[name] || {})[root.lang] || called("location", name);
  const places = (lesion) => (lesion.type === "lymph_node" ? "station" : "location");

  function sizeOf(lesion) {
    const relation = lesion.size_relation === "=" || !lesion.size_mm.length ? "" : lesion.size_relation + " ";
    return relation + lesion.size_mm.map(number).join(lesion.size_of === "range" ? "–" : " × ");
  }
  const main = (lesion) => lesion.suv.find((one) => one.reference === null && one.high !== null);
  function suvOf(lesion) {
    const one = main(lesion);
    if (!one) return "";
    const ends = one.low === null || one.low === one.high ? [one.high] : [one.low, one.high];
    return (one.relation === "=" ? "" : one.relation + " ") + ends.map(number).join("–");
  }
  const CELLS = {
    what: (lesion) => [lesion.count === null ? "" : called("counts", lesion.count), called("types", lesion.type)].filter(Boolean).join(" "),
    where: (lesion) => [
      lesion.organ && lesion.organ !== lesion.type ? called("organs", lesion.organ) : "",
      ...lesion.location.map((name) => placed(name, lesion.organ)), ...lesion.station.map((name) => called("station", name)),
    ].filter(Boolean).join("; "),
    side: (lesion) => (lesion.side ? called("sides", lesion.side) : ""),
    size: sizeOf,
    suv: suvOf,
    uptake: (lesion) => (lesion.uptake ? called("uptakes", lesion.uptake) : ""),
    nature: (lesion) => lesion.nature.map((one) => called("natures", one.is)).join("; "),
  };
  const cells = (lesion, beside) => Object.entries(CELLS).map(([name, cell]) =>
    make("td", { class: beside && cell(beside) !== cell(lesion) ? "differs" : null }, cell(lesion) || "–"));

  // ---- the state, kept where the browser allows it
  function keep() {
    try { localStorage.setItem(STORE, JSON.stringify(state)); } catch { /* a page from disk may be forbidden to */ }
  }

  // Cases of a file, or of what was kept, put in the places of the page's own; false where they are not of this page.
  function take(cases) {
    const byName = new Map((Array.isArray(cases) ? cases : []).filter(Boolean).map((one) => [one.case, one]));
    const known = state.cases.filter((one) => byName.has(one.case) && Array.isArray(byName.get(one.case).rows));
    if (!known.length) return false;
    known.forEach((one) => Object.assign(one, byName.get(one.case)));
    return true;
  }

  function changed() {
    unsaved = true;
    tell("unsaved");
    keep();
    render();
  }

  function tell(name, more = "") {
    shownLine = name;
    at("state").textContent = name ? word(name) + more : "";
  }

  const openRows = (one) => (one.judged ? one.rows.filter((row) => row.state === "open") : []);
  const isDone = (one) => one.done && !openRows(one).length;

  // ---- deciding
  function decide(row, decision) {
    if (state.locked) return;
    const given = data.cases[state.place].rows.find((one) => one.row === row.row);
    editing = pending = null;
    if (decision === "edit") {
      editing = row.row;
      return render();
    }
    if (decision === "delete") {
      current().rows = current().rows.filter((one) => one !== row);
      return changed();
    }
    const again = row.state === decision;
    row.state = again ? "open" : decision;
    if (settles) row.lesion = copy(chosen(row, given, again ? "open" : decision));
    else row.lesion = copy(given.lesion);
    if (again) current().done = false;
    changed();
  }

  function chosen(row, given, decision) {
    if (decision === "one") return row.readers[0].lesion;
    if (decision === "two") return row.readers[1].lesion;
    return decision === "both" ? row.readers[0].lesion : decision === "open" ? given.lesion : null;
  }

  function add() {
    if (state.locked) return;
    const numbers = current().rows.map((row) => Number(row.row.replace(/^n/, "")) || 0);
    const row = { row: `n${Math.max(0, ...numbers) + 1}`, state: "added", lesion: null };
    if (settles) Object.assign(row, { report: null, readers: [null, null] });
    editing = row.row;
    pending = row;
    render();
  }

  function finish() {
    if (state.locked) return;
    const left = openRows(current()).length;
    if (editing) return tell("still_editing");
    if (!current().done && left) return tell("rows_open", `: ${left}`);
    current().done = !current().done;
    changed();
    if (current().done && state.place + 1 < state.cases.length) go(state.place + 1);
  }

  // ---- the form in which a lesion is written
  function choice(kind, value, name, empty, organ = null) {
    const keys = Object.keys(data.names[kind]).filter((key) => !data.names[kind][key].hidden || key === value);
    if (kind === "location") keys.push(...Object.keys(data.finer[organ] || {}).filter((key) => !keys.includes(key)));
    if (value && !keys.includes(value)) keys.push(value);
    const label = (key) => (kind === "location" ? placed(key, organ) : called(kind, key));
    keys.sort((a, b) => label(a).localeCompare(label(b), root.lang));
    return make("select", { name }, ...(empty ? [make("option", { value: "" }, "–")] : []),
      ...keys.map((key) => make("option", { value: key, selected: key === value }, label(key))));
  }

  function labelled(key, ...fields) {
    return make("label", {}, make("span", {}, word(key)), ...fields);
  }

  function chips(kind, names, organ) {
    const box = make("span", { class: "chips", "data-kind": kind });
    const label = (name) => (kind === "location" ? placed(name, organ) : called(kind, name));
    const put = (name) => box.querySelector("select").before(make("button", {
      type: "button", class: "chip", value: name, title: word("remove"), onclick: (event) => event.currentTarget.remove(),
    }, label(name) + " ×"));
    const select = choice(kind, "", "", true, organ);
    select.addEventListener("change", () => {
      if (select.value && !box.querySelector(`.chip[value="${CSS.escape(select.value)}"]`)) put(select.value);
      select.value = "";
    });
    box.append(select);
    names.forEach(put);
    return box;
  }

  const EMPTY = {
    v: 1, type: "", organ: null, side: null, location: [], station: [], extent: null, count: null, size_mm: [], size_of: null, size_relation: "=",
    shape: [], suv: [], uptake: null, invasion: [], nature: [], change: null, text: null,
  };

  function form(row) {
    const from = row.lesion || (settles && row.readers.find(Boolean) || {}).lesion || copy(EMPTY);
    const type = choice("types", from.type, "type", !from.type);
    const organ = choice("organs", from.organ, "organ", true);
    const boxes = [labelled("col_location", chips("location", from.location, from.organ)), labelled("col_station", chips("station", from.station))];
    const sort = () => boxes.forEach((box, i) => { box.hidden = i === Number(type.value !== "lymph_node"); });
    sort();
    type.addEventListener("change", sort);
    organ.addEventListener("change", () => {
      const chosen = Array.from(boxes[0].querySelectorAll(".chip")).map((chip) => chip.value);
      boxes[0].querySelector(".chips").replaceWith(chips("location", chosen, organ.value));
    });
    const nature = from.nature.length ? from.nature[0].is : "";
    const box = make("form", { class: "lesion-form", onsubmit: (event) => { event.preventDefault(); write(row, from, box); } },
      labelled("col_what", type), labelled("col_organ", organ), ...boxes,
      labelled("col_side", choice("sides", from.side, "side", true)),
      labelled("col_size", make("input", { name: "size", value: sizeOf(from), placeholder: "18 x 15", autocomplete: "off" })),
      labelled("col_suv", make("input", { name: "suv", value: suvOf(from), placeholder: number(6.2), autocomplete: "off" })),
      labelled("col_uptake", choice("uptakes", from.uptake, "uptake", true)), labelled("col_nature", choice("natures", nature, "nature", true)),
      make("p", { class: "form-buttons" }, make("button", { class: "act", type: "submit" }, word("take")),
        make("button", { class: "act plain", type: "button", onclick: () => { editing = pending = null; tell(""); render(); } }, word("cancel")),
        make("span", { class: "fault", role: "alert" })));
    return box;
  }

  // "≤ 2,5", "18 x 15", "5-16": a relation and numbers; null where it is neither.
  function amounts(text, most) {
    const parts = /^\s*([<≤>≥~]?)\s*(.*?)\s*(?:mm)?\s*$/u.exec(text);
    const pieces = parts[2] ? parts[2].replaceAll(",", ".").split(/\s*[x×*–-]\s*/u) : [];
    if (pieces.length > most || (parts[1] && !pieces.length)) return null;
    if (!pieces.every((piece) => /^\d+(\.\d+)?$/.test(piece) && Number(piece) >= 0.1 && Number(piece) < 10000)) return null;
    const numbers = pieces.map((piece) => Math.round(Number(piece) * 100) / 100);
    return { relation: parts[1] || "=", numbers, range: /[–-]/u.test(parts[2]) };
  }

  function write(row, from, box) {
    const fault = (key) => { box.querySelector(".fault").textContent = word(key); };
    const value = (name) => box.elements[name].value;
    const lesion = copy(from), size = amounts(value("size"), 3), suv = amounts(value("suv"), 2);
    if (!value("type")) return fault("needs_type");
    if (!size || (size.range && (size.numbers.length !== 2 || size.numbers[0] > size.numbers[1]))) return fault("needs_size");
    if (!suv || (suv.numbers.length === 2 && suv.numbers[0] > suv.numbers[1])) return fault("needs_suv");
    lesion.type = value("type");
    lesion.organ = value("organ") || (lesion.type === "lymph_node" ? "lymph_node" : null);
    if (lesion.type === "lymph_node") lesion.organ = "lymph_node";
    lesion.side = value("side") || null;
    const kinds = { location: [], station: [] }, kind = places(lesion);
    kinds[kind] = Array.from(box.querySelectorAll(`.chips[data-kind="${kind}"] .chip`)).map((chip) => chip.value).sort();
    Object.assign(lesion, kinds);
    if (value("size") !== sizeOf(from)) {
      const one = from.size_of === "largest" ? "largest" : "one";
      Object.assign(lesion, { size_mm: size.numbers, size_of: size.numbers.length ? (size.range ? "range" : one) : null, size_relation: size.relation });
    }
    if (value("suv") !== suvOf(from)) {
      const made = { kind: "max", relation: suv.relation, low: suv.numbers[0], high: suv.numbers.at(-1), phase: null, reference: null };
      lesion.suv = [...(suv.numbers.length ? [made] : []), ...from.suv.filter((one) => one.reference !== null)];
    }
    lesion.uptake = value("uptake") || null;
    if (value("nature") !== (from.nature.length ? from.nature[0].is : "")) {
      lesion.nature = value("nature") ? [{ is: value("nature"), certainty: "certain" }] : [];
    }
    accept(row, lesion);
  }

  function accept(row, lesion) {
    const given = data.cases[state.place].rows.find((one) => one.row === row.row);
    editing = pending = null;
    if (!given) {
      if (!current().rows.includes(row)) current().rows.push(row);
      row.state = "added";
    } else if (settles) row.state = "edited";
    else row.state = same(lesion, given.lesion) ? "accepted" : "edited";
    row.lesion = lesion;
    changed();
  }

  // ---- showing
  function buttons(row, names) {
    const pressed = (name) => row.state === name || (name === "edit" && ["edited", "added"].includes(row.state));
    return make("td", { class: "decide" }, ...names.map((name) => make("button", {
      type: "button", "data-decision": name, "aria-pressed": String(pressed(name)), disabled: Boolean(state.locked), onclick: () => decide(row, name),
    }, word("do_" + name))));
  }

  const ROWS = {
    reader(row) {
      const choices = row.state === "added" ? ["edit", "delete"] : ["accepted", "edit", "removed", "unjudged"];
      const line = make("tr", { "data-row": row.row, "data-state": row.state }, ...cells(row.lesion), buttons(row, choices));
      return make("tbody", {}, line);
    },
    adjudicator(row) {
      const [one, two] = row.readers, lines = [];
      row.readers.forEach((reader, i) => {
        const beside = row.readers[1 - i];
        const what = reader ? word("state_" + reader.state) : word("state_absent");
        const who = make("th", { scope: "row" }, `${word("reader")} ${i + 1}`, make("small", {}, what));
        lines.push(make("tr", { class: "of-reader", "data-state": reader ? reader.state : "absent" }, who,
          ...(reader ? cells(reader.lesion, beside && beside.lesion) : [make("td", { colspan: "7", class: "absent" }, word("state_absent"))])));
      });
      if (row.state === "added") lines.length = 0;
      const there = (reader) => Boolean(reader) && ["accepted", "edited", "added"].includes(reader.state);
      const agreed = there(one) && there(two) && same(one.lesion, two.lesion);
      const either = [there(one) && "one", there(two) && "two"].filter(Boolean);
      const names = [...(agreed ? ["both"] : either), "edit", "dropped", "unjudged"];
      const choose = buttons(row, row.state === "added" ? ["edit", "delete"] : names);
      choose.setAttribute("colspan", "8");
      if (["edited", "added"].includes(row.state)) {
        lines.push(make("tr", { class: "settled" }, make("th", { scope: "row" }, word("truth")), ...cells(row.lesion)));
      }
      return make("tbody", { "data-row": row.row, "data-state": row.state }, ...lines, make("tr", {}, choose));
    },
  };

  function table() {
    const rows = [...current().rows, ...(pending ? [pending] : [])];
    const heads = [...(settles ? ["col_who"] : []), ...Object.keys(CELLS).map((name) => "col_" + name), ...(settles ? [] : ["col_decide"])];
    const bodies = rows.flatMap((row) => {
      const shown = row === pending ? [] : [ROWS[data.mode](row)];
      return editing === row.row ? [...shown, make("tbody", {}, make("tr", {}, make("td", { colspan: "8" }, form(row))))] : shown;
    });
    if (!bodies.length) bodies.push(make("tbody", {}, make("tr", {}, make("td", { colspan: "8", class: "absent" }, word("no_rows")))));
    const head = make("thead", {}, make("tr", {}, ...heads.map((key) => make("th", { scope: "col" }, word(key)))));
    return make("table", { class: "reading-table" + (current().judged ? "" : " unjudged") }, head, ...bodies);
  }

  function render() {
    const one = current(), finished = state.cases.filter(isDone).length;
    at("place").textContent = `${state.place + 1}/${state.cases.length}`;
    at("done").textContent = `${finished}/${state.cases.length}`;
    at("progress").max = state.cases.length;
    at("progress").value = finished;
    const focused = document.activeElement, line = focused.closest("[data-row]"), decision = focused.dataset.decision;
    at("table").replaceChildren(table());
    if (line && decision) {  // whoever decides by keys stays on the row
      const again = at("table").querySelector(`[data-row="${CSS.escape(line.dataset.row)}"] [data-decision="${decision}"]`);
      if (again) again.focus();
    }
    if (editing && decision === "edit") at("table").querySelector(".lesion-form select").focus();
    ["add", "judged", "note", "finish", "name", "lock"].forEach((id) => { at(id).disabled = Boolean(state.locked); });
    at("judged").checked = !one.judged;
    at("finish").textContent = word(one.done ? "reopen" : "finish");
    at("previous").disabled = state.place === 0;
    at("next").disabled = state.place + 1 === state.cases.length;
    at("start").textContent = settles ? notes() : data.cases[state.place].rows.length ? word("from_report") : word("from_nothing");
    document.body.classList.toggle("locked", Boolean(state.locked));
    if (state.locked && !shownLine) tell("is_locked");
  }

  // What the readers wrote of the case as a whole.
  function notes() {
    const given = data.cases[state.place];
    return given.notes.map((text, i) => [given.judged[i] ? "" : word("not_judged"), text].filter(Boolean).join(": "))
      .map((text, i) => text && `${word("reader")} ${i + 1}: ${text}`).filter(Boolean).join(" · ");
  }

  function go(to) {
    state.place = Math.max(0, Math.min(state.cases.length - 1, to));
    editing = pending = null;
    const content = document.getElementById("study-" + data.cases[state.place].study).content.cloneNode(true);
    at("report").replaceChildren(content.querySelector(".texts"));
    at("report").scrollTop = 0;
    at("study").replaceChildren(content);
    at("case").classList.remove("large");
    at("study").querySelectorAll(".viewer").forEach((box) => box.dispatchEvent(new CustomEvent("viewer", { bubbles: true })));
    at("note").value = current().note;
    if (!state.locked) tell("");
    keep();
    render();
    scrollTo(0, 0);
  }

  // ---- files
  function content(locked) {
    const head = { format: data.format, set: data.set, ...(settles ? { readings: data.readings } : { reader: data.reader }) };
    return { ...head, name: sound(state.name), saved: new Date().toISOString(), locked, cases: state.cases.map((one) => ({ ...one, note: sound(one.note) })) };
  }

  async function hash(value) {
    const bytes = await crypto.subtle.digest("SHA-256", new TextEncoder().encode(JSON.stringify(value)));
    return Array.from(new Uint8Array(bytes), (byte) => byte.toString(16).padStart(2, "0")).join("");
  }

  function download(file) {
    const link = make("a", { download: data.file, href: URL.createObjectURL(new Blob([JSON.stringify(file, null, 1)], { type: "application/json" })) });
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
  }

  function save() {
    download(state.locked || { ...content(null), sha256: null });
    tell(state.locked ? "is_locked" : "saved");
  }

  async function lock() {
    const open = state.cases.filter((one) => !isDone(one));
    if (open.length) {
      go(state.cases.indexOf(open[0]));
      return tell("cases_open", `: ${open.length}`);
    }
    if (!(globalThis.crypto && crypto.subtle)) return tell("cannot_lock");
    if (!confirm(word("lock_sure"))) return;
    const made = content(new Date().toISOString());
    state.locked = { ...made, sha256: await hash(made) };
    keep();
    download(state.locked);
    tell("is_locked");
    render();
  }

  async function open(input) {
    let read = null;
    try { read = JSON.parse(await input.files[0].text()); } catch { /* said below */ }
    input.value = "";
    if (!read || read.format !== data.format) return tell("unreadable");
    if (read.set !== data.set || (settles ? !same(read.readings, data.readings) : read.reader !== data.reader)) return tell("other_set");
    const { sha256, ...rest } = read;
    if (sha256 && sha256 !== await hash(rest)) return tell("altered");
    if (!take(read.cases)) return tell("other_set");
    Object.assign(state, { name: String(read.name || ""), locked: sha256 ? read : null });
    at("name").value = state.name;
    go(state.place);
    tell("opened");
  }

  function recall() {
    try {
      const before = JSON.parse(localStorage.getItem(STORE));
      if (before && take(before.cases)) Object.assign(state, { place: before.place, name: before.name, locked: before.locked });
    } catch { /* nothing was kept */ }
  }

  setInterval(() => {
    if (state.locked || document.visibilityState !== "visible" || performance.now() - touched > PAUSE) return;
    current().seconds += 1;
    if (current().seconds % 10 === 0) keep();
  }, 1000);
  ["pointermove", "pointerdown", "keydown", "wheel", "scroll"].forEach((name) => addEventListener(name, () => { touched = performance.now(); }, { passive: true }));
  at("add").addEventListener("click", add);
  at("finish").addEventListener("click", finish);
  at("previous").addEventListener("click", () => go(state.place - 1));
  at("next").addEventListener("click", () => go(state.place + 1));
  at("save").addEventListener("click", save);
  at("lock").addEventListener("click", lock);
  at("file").addEventListener("change", (event) => open(event.target));
  at("name").addEventListener("input", () => { state.name = at("name").value; changed(); });
  at("note").addEventListener("input", () => { current().note = at("note").value; changed(); });
  at("judged").addEventListener("change", () => { current().judged = !at("judged").checked; changed(); });
  at("study").addEventListener("click", (event) => {
    if (!event.target.closest(".enlarge, .zoom")) return;
    at("case").classList.toggle("large");
  });
  document.querySelectorAll(".languages button").forEach((button) => button.addEventListener("click", () => { render(); if (shownLine) tell(shownLine); }));
  addEventListener("pagehide", keep);
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  recall();
  at("name").value = state.name;
  go(Number(state.place) || 0);
})();

// Marking by a reader: reference, scores and colours hidden; marks kept in this browser where it allows, saved as a file.
(function () {
  const root = document.documentElement;
  const at = (id) => document.getElementById("marking-" + id);
  const bar = at("bar");
  if (!bar) return;

  const place = (sheet) => Number(sheet.closest(".study").dataset.random);
  const sheets = Array.from(document.querySelectorAll(".sheet")).sort((a, b) => place(a) - place(b));
  const drafts = sheets.map((sheet) => {
    const { task, id, draft } = sheet.dataset;
    const sentences = Array.from(sheet.querySelectorAll("li[data-start]")).map((item) => ({
      item, mark: null, start: Number(item.dataset.start), end: Number(item.dataset.end),
      text: item.dataset.text ? JSON.parse(item.dataset.text) : item.querySelector(".sentence-text").textContent,
    }));
    return { sheet, task, id, draft, sentences, missing: sheet.querySelector("textarea") };
  });
  const kinds = Array.from(at("buttons").content.querySelectorAll("[data-mark]")).map((button) => button.dataset.mark);
  let draft = 0, sentence = 0, unsaved = false;

  const said = (name) => at("words").content.querySelector(`[data-key="${name}"]`).dataset[root.lang];
  const lines = (box) => box.value.split("\n").map((line) => line.trim()).filter(Boolean);
  const store = (one) => ["docphim-marks", bar.dataset.run, one.task, one.id, one.draft].join(":");

  // A browser may forbid keeping anything for a page opened from disk; marking goes on without.
  function keep(one) {
    try {
      localStorage.setItem(store(one), JSON.stringify({ reader: at("reader").value, ...marksOf(one) }));
    } catch { /* not kept */ }
  }

  function recall() {
    for (const one of drafts) {
      try {
        const kept = JSON.parse(localStorage.getItem(store(one)));
        if (kept && take(one, kept)) at("reader").value = at("reader").value || kept.reader || "";
      } catch { /* nothing kept */ }
    }
  }

  function marksOf(one) {
    return {
      task: one.task, id: one.id, draft: one.draft,
      sentences: one.sentences.map(({ text, start, end, mark }) => ({ text, start, end, mark })),
      missing: lines(one.missing),
    };
  }

  // Marks of another reading of the same draft; false where they are not of this draft.
  function take(one, given) {
    if (given.task !== one.task || given.id !== one.id || given.draft !== one.draft) return false;
    if (!Array.isArray(given.sentences) || !Array.isArray(given.missing)) return false;
    const marks = new Map(given.sentences.map((row) => [`${row.start}-${row.end}`, row.mark]));
    one.sentences.forEach((own) => {
      const mark = marks.get(`${own.start}-${own.end}`);
      own.mark = kinds.includes(mark) ? mark : null;
    });
    one.missing.value = given.missing.map(String).join("\n");
    return true;
  }

  function state(...names) {
    document.querySelectorAll("#marking-bar [data-state]").forEach((node) => { node.hidden = !names.includes(node.dataset.state); });
  }

  function changed(one) {
    unsaved = true;
    state("unsaved");
    keep(one);
    show();
  }

  function show() {
    const all = drafts.flatMap((one) => one.sentences);
    const done = all.filter((own) => own.mark).length;
    at("place").textContent = `${draft + 1}/${drafts.length}`;
    at("done").textContent = `${done}/${all.length}`;
    at("progress").max = all.length || 1;
    at("progress").value = done;
    drafts.forEach((one, i) => {
      one.sheet.closest(".question-block").classList.toggle("current", i === draft);
      one.sentences.forEach((own, j) => {
        own.item.setAttribute("aria-current", String(i === draft && j === sentence));
        own.item.querySelectorAll("[data-mark]").forEach((button) =>
          button.setAttribute("aria-pressed", String(button.dataset.mark === own.mark)));
      });
    });
    document.querySelectorAll(".study").forEach((study) => study.classList.toggle("current", study.contains(drafts[draft].sheet)));
    sheets.forEach((sheet, i) => sheet.querySelectorAll("[data-step]").forEach((button) => {
      button.disabled = !drafts[i + Number(button.dataset.step)];
    }));
  }

  function go(to, line = 0) {
    if (!drafts[to]) return;
    const moved = to !== draft;
    draft = to;
    sentence = Math.max(0, Math.min(line, drafts[to].sentences.length - 1));
    show();
    if (moved) scrollTo(0, 0);
    const own = drafts[draft].sentences[sentence];
    if (own) own.item.scrollIntoView({ block: "nearest" });
  }

  function mark(kind) {
    const own = drafts[draft].sentences[sentence];
    if (!own) return;
    own.mark = kind;
    changed(drafts[draft]);
    if (kind) go(draft, sentence + 1);
  }

  function file() {
    return {
      format: bar.dataset.format, run: bar.dataset.run, reader: at("reader").value.trim(), made: new Date().toISOString(),
      tasks: JSON.parse(bar.dataset.tasks), studies: drafts.map(marksOf),
    };
  }

  function save() {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(new Blob([JSON.stringify(file(), null, 1)], { type: "application/json" }));
    link.download = `${bar.dataset.run}.marks.json`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    unsaved = false;
    state("saved");
  }

  async function open(input) {
    let read = null;
    try { read = JSON.parse(await input.files[0].text()); } catch { /* said below */ }
    input.value = "";
    if (!read || read.format !== bar.dataset.format || !Array.isArray(read.studies)) return state("unreadable");
    const matched = drafts.filter((one) => read.studies.some((given) => given && take(one, given)));
    if (!matched.length) return state("other_run");
    at("reader").value = String(read.reader || "");
    at("loaded").textContent = String(matched.length);
    matched.forEach(keep);
    unsaved = false;
    state("loaded");
    show();
  }

  function start() {
    const random = document.querySelector('.filters [data-kind="random"]');
    if (random) random.click();
    root.classList.add("marking");
    bar.hidden = false;
    const first = drafts.findIndex((one) => one.sentences.some((own) => !own.mark));
    go(Math.max(0, first));
    scrollTo(0, 0);
  }

  function leave() {
    if (!confirm([unsaved ? said("leave_unsaved") : "", said("leave_sure")].join(" ").trim())) return;
    root.classList.remove("marking");
    bar.hidden = true;
    document.querySelectorAll(".study.current, .question-block.current").forEach((node) => node.classList.remove("current"));
    document.getElementById("studies").scrollIntoView();
  }

  function pressed(event) {
    const typing = /^(INPUT|TEXTAREA)$/.test(event.target.tagName) && event.target.type !== "range";
    if (!root.classList.contains("marking") || event.ctrlKey || event.metaKey || event.altKey) return;
    if (typing) {
      if (event.key === "Escape") event.target.blur();
      return;
    }
    const steps = { ArrowUp: [0, -1], ArrowDown: [0, 1], ArrowLeft: [-1, 0], ArrowRight: [1, 0] };
    if (kinds[Number(event.key) - 1]) mark(kinds[Number(event.key) - 1]);
    else if (event.key === "0") mark(null);
    else if (steps[event.key]) go(draft + steps[event.key][0], steps[event.key][0] ? 0 : sentence + steps[event.key][1]);
    else return;
    event.preventDefault();
  }

  drafts.forEach((one, i) => {
    one.sentences.forEach((own, j) => {
      own.item.append(at("buttons").content.cloneNode(true));
      own.item.addEventListener("click", (event) => {
        const button = event.target.closest("[data-mark]");
        go(i, j);
        if (button) mark(button.dataset.mark === own.mark ? null : button.dataset.mark);
      });
    });
    one.missing.addEventListener("input", () => changed(one));
    one.sheet.querySelectorAll("[data-step]").forEach((button) =>
      button.addEventListener("click", () => go(i + Number(button.dataset.step))));
  });
  if (!drafts.length) return;
  document.querySelector(".marking-invitation").hidden = false;
  at("start").addEventListener("click", start);
  at("save").addEventListener("click", save);
  at("leave").addEventListener("click", leave);
  at("file").addEventListener("change", (event) => open(event.target));
  at("reader").addEventListener("input", () => changed(drafts[draft]));
  document.addEventListener("keydown", pressed);
  addEventListener("beforeunload", (event) => { if (unsaved) event.preventDefault(); });
  recall();
  if (location.hash === "#marking") start();
})();

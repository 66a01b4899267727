// Reading needs no script; this one switches the language, filters the studies, enlarges films and joins a fact's two places.
"use strict";
(function () {
  const root = document.documentElement;
  const all = (selector) => Array.from(document.querySelectorAll(selector));

  function speak(language) {
    root.lang = language;
    all("[data-language][aria-pressed]").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.language === language)));
  }

  function filter(kind) {
    const list = document.querySelector(".cases");
    const place = (study) => Number(study.dataset[kind] || 0);
    all(".filters button").forEach((button) =>
      button.setAttribute("aria-pressed", String(button.dataset.kind === kind)));
    studies.forEach((study) => { study.hidden = kind !== "all" && !(kind in study.dataset); });
    const ordered = kind === "all" ? studies : [...studies].sort((a, b) => place(a) - place(b));
    ordered.forEach((study) => list.append(study));
  }

  // What the line below a pair of texts says of a fact, in the language shown.
  function told(line) {
    const copy = line.cloneNode(true);
    copy.querySelectorAll(root.lang === "vi" ? ".en" : ".vi").forEach((other) => other.remove());
    return copy.textContent.replace(/\s+/g, " ").trim();
  }

  // Pointing at a fact lights up its place in the other text and its line below; a tap also says what it was read as.
  function join(block, event) {
    const node = event.target.closest("[data-line]");
    const number = node && node.dataset.line;
    block.querySelectorAll("[data-line]").forEach((other) => other.classList.toggle("joined", other.dataset.line === number));
    const line = node && block.querySelector(`li[data-line="${number}"]`);
    if (line && node !== line) node.title = told(line);
    const note = block.querySelector(".fact-note");
    if (note && event.type === "click") {
      note.hidden = !line;
      note.textContent = line ? told(line) : "";
    }
  }

  const studies = all(".study");
  // A study may be hidden by the filter when a link leads to it.
  all('a[href^="#study-"]').forEach((link) => link.addEventListener("click", () => filter("all")));
  all(".languages, .filters").forEach((group) => { group.hidden = false; });
  all(".languages button").forEach((button) => button.addEventListener("click", () => speak(button.dataset.language)));
  all(".filters button").forEach((button) => button.addEventListener("click", () => filter(button.dataset.kind)));
  all(".zoom, .enlarge").forEach((button) => button.addEventListener("click", () => {
    const large = button.closest(".study").classList.toggle("large");
    button.setAttribute("aria-expanded", String(large));
  }));
  all(".question-block").forEach((block) => ["mouseover", "click"].forEach((name) =>
    block.addEventListener(name, (event) => join(block, event))));
  addEventListener("beforeprint", () => all("details.family").forEach((family) => { family.open = true; }));
  if (all(".filters button").length) filter("random");
  speak(location.hash === "#en" ? "en" : "vi");
})();

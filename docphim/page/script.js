// Reading needs no script; this one switches the language, filters the studies and enlarges films.
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

  const studies = all(".study");
  all(".languages, .filters").forEach((group) => { group.hidden = false; });
  all(".languages button").forEach((button) => button.addEventListener("click", () => speak(button.dataset.language)));
  all(".filters button").forEach((button) => button.addEventListener("click", () => filter(button.dataset.kind)));
  all(".zoom").forEach((button) => button.addEventListener("click", () => {
    const large = button.closest(".study").classList.toggle("large");
    button.setAttribute("aria-expanded", String(large));
  }));
  if (studies.length) filter("random");
  if (location.hash === "#en") speak("en");
})();

// A stack of slices, one at a time: a slider, arrow keys, the wheel over the chosen picture, and the windows it is read in.
"use strict";
(function () {
  const THUMB = 72;

  function viewer(box) {
    const rows = Number(box.dataset.rows), columns = Number(box.dataset.columns);
    const numbers = box.dataset.shown.split(" "), millimetres = box.dataset.fromTop.split(" ").filter(Boolean);
    const pick = (selector) => box.querySelector(selector);
    const canvas = pick("canvas"), slider = pick("input"), strip = pick(".strip");
    const mosaics = Array.from(box.querySelectorAll(".mosaic")), buttons = Array.from(box.querySelectorAll("[data-window][aria-pressed]"));
    let shown = mosaics[0];

    // One slice of the picture onto a canvas; `side` is the canvas's longest, none: as large as the slice is.
    function paint(target, place, side) {
      const image = shown.querySelector("img");
      const width = image.naturalWidth / columns, height = image.naturalHeight / rows;
      const scale = side ? side / Math.max(width, height) : 1;
      target.width = Math.round(width * scale);
      target.height = Math.round(height * scale);
      const pen = target.getContext("2d");
      pen.imageSmoothingQuality = "high";
      pen.drawImage(image, (place % columns) * width, Math.floor(place / columns) * height, width, height, 0, 0, target.width, target.height);
    }

    function show() {
      const place = Number(slider.value) - 1;
      paint(canvas, place);
      pick(".number").textContent = `${place + 1}/${numbers.length}`;
      const below = pick(".from-top") && Math.round(Number(millimetres[place]));
      if (pick(".from-top")) pick(".from-top").textContent = below;
      slider.setAttribute("aria-valuetext", `${place + 1}/${numbers.length}` + (below === null ? "" : `, ${below} mm`));
      thumbs.forEach((thumb, number) => thumb.classList.toggle("current", number === place));
    }

    function open(window) {
      shown = mosaics.find((mosaic) => mosaic.dataset.window === window);
      mosaics.forEach((mosaic) => { mosaic.hidden = mosaic !== shown; });
      buttons.forEach((button) => button.setAttribute("aria-pressed", String(button.dataset.window === window)));
      shown.querySelector("img").decode().then(() => {
        thumbs.forEach((thumb, place) => paint(thumb, place, THUMB));
        show();
      }, () => {});
    }

    function move(steps, event) {
      event.preventDefault();
      event.stopPropagation();  // while drafts are marked, arrows choose a sentence
      slider.value = Number(slider.value) + steps;
      show();
    }

    const thumbs = numbers.map((_, place) => {
      const thumb = document.createElement("canvas");
      thumb.addEventListener("click", () => { slider.value = place + 1; show(); });
      strip.append(thumb);
      return thumb;
    });
    const keys = { ArrowDown: 1, ArrowRight: 1, ArrowUp: -1, ArrowLeft: -1, PageDown: 3, PageUp: -3, Home: -999, End: 999 };
    canvas.addEventListener("keydown", (event) => { if (event.key in keys) move(keys[event.key], event); });
    canvas.addEventListener("wheel", (event) => {
      if (document.activeElement === canvas && event.deltaY) move(Math.sign(event.deltaY), event);
    }, { passive: false });
    slider.addEventListener("input", show);
    slider.addEventListener("keydown", (event) => { if (event.key in keys) event.stopPropagation(); });
    buttons.forEach((button) => button.addEventListener("click", () => open(button.dataset.window)));
    box.classList.add("live");
    pick(".stage").hidden = false;
    pick(".windows").hidden = false;
    open(shown.dataset.window);
  }

  document.querySelectorAll(".viewer").forEach(viewer);
  document.addEventListener("viewer", (event) => viewer(event.target));  // one that came after the page was opened
})();

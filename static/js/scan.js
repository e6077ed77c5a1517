// The camera reads a bar code into a field, where the browser can: <button type="button" class="btn scan" data-scan="#field">,
// with the dialog in <template id="scanner">. A button with data-submits also sends the form. Typing always works.
(() => {
  "use strict";

  const FORMATS = ["ean_13", "ean_8", "upc_a"];
  const EVERY = 200; // ms between two looks

  (async () => {
    if (!("BarcodeDetector" in globalThis) || !navigator.mediaDevices?.getUserMedia) return;
    const known = await BarcodeDetector.getSupportedFormats();
    if (known.includes("ean_13")) document.documentElement.classList.add("can-scan");
  })().catch(() => {}); // a browser that cannot say what it reads cannot scan

  async function scan(button) {
    const dialog = document.getElementById("scanner").content.firstElementChild.cloneNode(true);
    const video = dialog.querySelector("video");
    const leave = new AbortController();
    let stream = null;
    const stop = () => stream?.getTracks().forEach((track) => track.stop());
    dialog.addEventListener("close", () => {
      leave.abort();
      stop();
      dialog.remove();
      button.focus();
    });
    addEventListener("pagehide", () => dialog.close(), { signal: leave.signal });
    document.addEventListener("visibilitychange", () => document.hidden && dialog.close(), { signal: leave.signal });
    document.body.append(dialog);
    dialog.showModal();
    try {
      stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: "environment" } });
      if (leave.signal.aborted) return stop();
      video.srcObject = stream;
      await video.play();
      const code = await look(video, leave.signal);
      if (!code) return;
      dialog.close();
      fill(button, code);
    } catch {
      stop();
      dialog.querySelector(".failed").hidden = false;
      video.hidden = true;
    }
  }

  async function look(video, left) {
    const known = await BarcodeDetector.getSupportedFormats();
    const detector = new BarcodeDetector({ formats: FORMATS.filter((format) => known.includes(format)) });
    while (!left.aborted) {
      const [found] = await detector.detect(video);
      if (found) return found.rawValue;
      await new Promise((done) => setTimeout(done, EVERY));
    }
    return null;
  }

  function fill(button, code) {
    const field = document.querySelector(button.dataset.scan);
    field.value = code;
    field.dispatchEvent(new Event("input", { bubbles: true }));
    field.focus();
    if ("submits" in button.dataset) field.form.requestSubmit();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("[data-scan]");
    if (button) scan(button);
  });
})();

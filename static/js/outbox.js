// What cannot be sent now waits in the open page and is sent when the network is back, in the order in which it was
// done. A form that may have arrived is repeated as it was, with its one-time id, so that it has one effect.
// htmx asks for its answer through `ctx.fetch`: here that question takes as long as it has to.
(() => {
  "use strict";

  const PAUSE = 4000;
  const LONGEST_PAUSE = 60_000;
  const PATIENCE = 30_000; // with one attempt
  const AWAY = [502, 503, 504]; // what a proxy says while the site is not there

  const refusals = []; // sentences about what was not taken while there was more to send
  const waiting = []; // the oldest first: what is under way, and what comes after it
  let failures = 0;
  let wake = () => {};

  /** Where something was done: there a word says that it waits. */
  const placeOf = ({ sourceElement, request }) => request.submitter?.closest("li") ?? sourceElement;

  function showWaiting() {
    for (const { place } of waiting) place.dataset.unsent = document.body.dataset.unsentWord;
    document.dispatchEvent(new CustomEvent("bulq:note", { detail: document.body.dataset.unsentSentence }));
  }

  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.tagName !== "FORM" || ctx.request.method !== "POST") return;
    clearTimeout(ctx.requestTimeout); // not the whole has to hurry, but each attempt
    ctx.fetch = async (url, request) => {
      const before = waiting.at(-1);
      const entry = { place: placeOf(ctx) };
      entry.done = new Promise((resolve) => (entry.resolve = resolve));
      waiting.push(entry);
      if (failures) showWaiting();
      await before?.done;
      return send(entry, url, request);
    };
  });

  async function send(entry, url, request) {
    for (;;) {
      try {
        const response = await fetch(url, { ...request, signal: AbortSignal.timeout(PATIENCE) });
        const isBusy = failures > 0 && response.status === 429; // everything that waited comes at once
        if (!AWAY.includes(response.status) && !isBusy) return ends(entry, response);
        await pause(Number(response.headers.get("Retry-After")) * 1000);
      } catch {
        await pause(0);
      }
    }
  }

  function ends(entry, response) {
    failures = 0;
    waiting.splice(waiting.indexOf(entry), 1);
    delete entry.place.dataset.unsent;
    entry.resolve();
    return response;
  }

  /** Until the server said, ever longer when nobody answers, or until the network is back or the page looked at. */
  function pause(milliseconds) {
    failures += 1;
    showWaiting();
    const longest = Math.min(PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, milliseconds || longest);
      wake = () => {
        clearTimeout(timer);
        resolve();
      };
    });
  }

  addEventListener("online", () => wake());
  document.addEventListener("visibilitychange", () => document.visibilityState === "visible" && wake());

  // The page of a refusal would be covered at once by the next answer: its sentence is kept for the end.
  document.addEventListener("htmx:before:swap", (event) => {
    const { ctx } = event.detail;
    if (!waiting.length || !ctx.response || ctx.response.status < 400) return;
    event.preventDefault();
    refusals.push(refusalIn(ctx.text));
  });
  document.addEventListener("htmx:after:swap", () => {
    if (failures && waiting.length) showWaiting();
    else if (!waiting.length && refusals.length) document.dispatchEvent(new CustomEvent("bulq:banner", { detail: refusals.splice(0).join(" ") }));
  });

  /** What a page of a refusal says, in its own words. */
  function refusalIn(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const parts = page.querySelectorAll("#refused p, .errors li, .decision h1, .decision > p");
    return [...parts].map((part) => part.textContent.trim()).join(" ");
  }

  // Whoever leaves should know that it would be lost.
  addEventListener("beforeunload", (event) => {
    if (failures && waiting.length) event.preventDefault();
  });
})();

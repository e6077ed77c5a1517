// Forms that cannot be sent wait in the open page and are sent when the network is back, in their original order. A
// form that may have arrived is resent unchanged, with its one-time id, so that it has one effect. htmx fetches its
// answer through `ctx.fetch`, which here takes as long as necessary.
(() => {
  "use strict";

  const PAUSE = 4000;
  const LONGEST_PAUSE = 60_000;
  const PATIENCE = 30_000; // per attempt
  const AWAY = [502, 503, 504]; // a proxy's answers while the site is down

  const refusals = []; // refusals received while there was more to send
  const waiting = []; // oldest first: the form being sent, then the rest
  let failures = 0;
  let wake = () => {};

  /** The place of the action, where a word says that it is waiting. */
  const placeOf = ({ sourceElement, request }) => request.submitter?.closest("li") ?? sourceElement;

  function showWaiting() {
    for (const { place } of waiting) place.dataset.unsent = document.body.dataset.unsentWord;
    document.dispatchEvent(new CustomEvent("bulq:note", { detail: document.body.dataset.unsentSentence }));
  }

  document.addEventListener("htmx:before:request", ({ detail: { ctx } }) => {
    if (ctx.sourceElement.tagName !== "FORM" || ctx.request.method !== "POST") return;
    clearTimeout(ctx.requestTimeout); // the time-out applies to each attempt, not to the whole
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
        const isBusy = failures > 0 && response.status === 429; // everything that waited is sent at once
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

  /** Wait as long as the server said, or ever longer without an answer, or until the network or the page is back. */
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

  // The next answer would replace a refusal's page at once, so its sentence is kept until the end.
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

  /** The sentence of a refusal's page. */
  function refusalIn(text) {
    const page = new DOMParser().parseFromString(text, "text/html");
    const parts = page.querySelectorAll("#refused p, .errors li, .decision h1, .decision > p");
    return [...parts].map((part) => part.textContent.trim()).join(" ");
  }

  // Warn before leaving: the form would be lost.
  addEventListener("beforeunload", (event) => {
    if (failures && waiting.length) event.preventDefault();
  });
})();

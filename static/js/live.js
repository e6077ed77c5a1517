// Keeps an open page up to date. A stream of server-sent events says only that something changed; the page then asks
// its own address and morphs the answer in: at the first message, then at most every three seconds.
// <body data-live="run=5" data-at="1732…">: what the stream is asked for, and how old the page is. An empty data-live
// stands for a page of which only the bell is live.
(() => {
  "use strict";

  const LEAST = 3000; // between two refreshes
  const SPREAD = 250; // all who see a run hear of a change at once, and should not ask at once
  const SHARE = 30; // a busy server is asked less often: the pause is as many times as long as an answer took too long
  const POLL = 15_000; // between two without a stream
  const SILENCE = 40_000; // the server says something every 15 seconds
  const BACKOFF = [1000, 2000, 4000, 8000, 15_000, 30_000];
  const SHOWS_TROUBLE = 2000; // a stream that comes back sooner was no trouble

  let source = null; // the EventSource
  let asked = null; // what it was asked for
  let isOpen = false;
  let failures = 0;
  let retry = 0;
  let heardAt = 0;
  let lostAt = Date.now();
  let askedAt = 0;
  let tickedAt = Date.now();

  const topic = () => document.body.dataset.live; // undefined: nothing here is live
  const isShown = () => topic() !== undefined && document.visibilityState === "visible";

  // --- One of few streams -----------------------------------------------------------------------
  // Over HTTP/1.1 a browser opens six connections to a site, for all its tabs, so streams take no more than three. A
  // tab without one hears when they hear something, and else asks now and then. Over HTTP/2, which needs TLS, there is
  // room for all. Locks are there with TLS and for the machine itself; over plain HTTP from elsewhere nothing is held.

  const STREAMS = 3;
  const others = new BroadcastChannel("bulq-live");
  const isCrowded = navigator.locks && performance.getEntriesByType("navigation")[0]?.nextHopProtocol === "http/1.1";
  let leave = null; // gives the place back

  others.onmessage = () => !isOpen && isShown() && want();

  /** Resolves to whether this tab may have a stream now. */
  async function hasPlace() {
    for (let n = 0; isCrowded && !leave && n < STREAMS; n += 1) {
      await new Promise((decided) => {
        navigator.locks.request(`bulq-live-${n}`, { ifAvailable: true }, (lock) => {
          decided();
          return lock && new Promise((done) => (leave = done));
        });
      });
    }
    return !isCrowded || leave !== null;
  }

  // --- The stream -------------------------------------------------------------------------------

  async function connect() {
    clearTimeout(retry);
    if (!isShown() || !navigator.onLine || (source && asked === topic())) return;
    disconnect();
    if (!(await hasPlace())) {
      lostAt = Infinity; // nothing is wrong
      retry = setTimeout(connect, POLL);
      return;
    }
    if (source) return;
    if (!isShown()) return disconnect();
    asked = topic();
    source = new EventSource(`/live/?${asked}&at=${document.body.dataset.at}`);
    source.onopen = () => {
      [isOpen, failures, heardAt] = [true, 0, Date.now()];
      show();
    };
    source.addEventListener("still", () => (heardAt = Date.now()));
    source.onmessage = () => {
      heardAt = Date.now();
      others.postMessage("changed");
      if (!wanted) notBefore = Math.max(notBefore, Date.now() + SPREAD * Math.random()); // else each would put it off
      want();
    };
    source.onerror = again;
  }

  function disconnect() {
    clearTimeout(retry);
    source?.close();
    leave?.();
    leave = null;
    if (isOpen) lostAt = Date.now();
    [source, isOpen] = [null, false];
  }

  /** For ever, ever more slowly, and not all pages at once. */
  function again() {
    disconnect();
    const wait = BACKOFF[Math.min(failures, BACKOFF.length - 1)];
    failures += 1;
    retry = setTimeout(connect, wait * (0.5 + Math.random() / 2));
    show();
  }

  /** The page is seen again, or the network is back. */
  function wake() {
    failures = 0;
    if (isOpen && Date.now() - heardAt > SILENCE) disconnect();
    if (!isShown()) return;
    notBefore = Math.min(notBefore, askedAt + 1000);
    want();
    connect();
    show();
  }

  function tick() {
    const slept = Date.now() - tickedAt > 2 * POLL;
    tickedAt = Date.now();
    if (slept || (isOpen && Date.now() - heardAt > SILENCE)) wake();
    if (!isOpen && Date.now() - askedAt > POLL) want();
    show();
  }

  // --- Asking for the page ----------------------------------------------------------------------

  let wanted = false;
  let timer = 0;
  let notBefore = 0;
  let fastest = Infinity; // of the answers so far
  let isAsking = false;
  let own = 0; // forms sent and answers taken in: what was asked for before shows an older state
  let underWay = 0;

  const hasToWait = () => underWay > 0 || document.querySelector("dialog[open]") !== null;

  function want() {
    wanted = true;
    plan();
  }

  function plan() {
    clearTimeout(timer);
    if (wanted && !isAsking && isShown() && navigator.onLine && !hasToWait()) timer = setTimeout(refresh, Math.max(0, notBefore - Date.now()));
  }

  async function refresh() {
    if (hasToWait()) return; // since it was planned; what it waits for plans anew
    const before = own;
    [isAsking, wanted, askedAt] = [true, false, Date.now()];
    notBefore = askedAt + LEAST;
    try {
      const answer = await fetch(location.href, {
        headers: { Accept: "text/html", "X-Bulq-Part": "live", "X-Bulq-Seen": seen() },
        signal: AbortSignal.timeout(30_000),
      });
      const text = await answer.text();
      if (own !== before || hasToWait()) wanted = true;
      else if (answer.status === 429 || answer.status >= 500) later(Number(answer.headers.get("Retry-After")) * 1000 || POLL);
      else if (!answer.ok || answer.redirected) moved();
      else await takeIn(text);
    } catch (error) {
      if (!(error instanceof TypeError || error instanceof DOMException)) throw error;
      later(LEAST); // no network, or it took too long
    } finally {
      const took = Date.now() - askedAt;
      fastest = Math.min(fastest, took); // with a slow network, this is most of it
      const pause = Math.max(LEAST - took, Math.min(POLL, SHARE * (took - fastest)));
      notBefore = Math.max(notBefore, Date.now() + pause * (1 + Math.random() / 2));
      isAsking = false;
      plan();
    }
  }

  function later(milliseconds) {
    wanted = true;
    notBefore = Date.now() + milliseconds;
  }

  const halfFilled = () => [...document.forms].filter(bulq.isHalfFilled).map((form) => form.getAttribute("action"));

  /** What the person is typing into has no place in the page any more: they decide when to let go of it. */
  const warn = () => document.dispatchEvent(new CustomEvent("bulq:banner", { detail: document.body.dataset.moved }));

  /** This page is not what is at its address any more, or not for this person. */
  const moved = () => topic() && loadAnew();

  function loadAnew() {
    if (halfFilled().length || [...document.querySelectorAll(".qty[data-line]")].some(bulq.isUnsaved)) warn();
    else location.reload();
  }

  async function takeIn(answer) {
    const amounts = wishes();
    const page = new DOMParser().parseFromString(answer, "text/html");
    if ((page.body.lang || page.documentElement.lang) !== document.documentElement.lang) return loadAnew();
    if (topic()) {
      const fresh = new Set([...page.forms].map((form) => form.getAttribute("action")));
      if (halfFilled().some((action) => !fresh.has(action))) return warn();
      if (!complete(page)) return want();
    }
    const text = page.documentElement.outerHTML;
    if ("refresh" in page.body.dataset) document.body.dataset.at = page.body.dataset.at;
    for (const target of targets(page)) {
      const part = target === "body" ? { target } : { target, select: target };
      await htmx.swap({ ...part, text, sourceElement: document.body, swap: "outerMorph show:none" });
    }
    return mark(amounts);
  }

  function targets(page) {
    if (!topic()) return ["#bell"];
    return "refresh" in page.body.dataset ? ["#main", "#dock", "#bell"].filter((part) => page.querySelector(part)) : ["body"];
  }

  // --- Lines of the order table and of the list of people (bids/views/refresh.py) ---------------

  const table = () => document.querySelector("[data-seen]");
  const behind = new Set(); // products in whose rows someone was typing, so that they may not have been taken in

  const seen = () => [table()?.dataset.seen, ...behind].filter(Boolean).join(" ");

  function complete(page) {
    if (!bulq.fillIn(page)) {
      table()?.removeAttribute("data-seen"); // the next answer is whole
      return false;
    }
    behind.clear();
    for (const line of document.querySelectorAll(".qty[data-line]")) if (bulq.isUnsaved(line)) behind.add(line.dataset.line);
    return true;
  }

  // --- Who has changed what ---------------------------------------------------------------------

  const marked = new Set(); // "p12 Ana", until the next action here

  /** Everyone's amounts in the order table: from "p12 Ana" to what stands there. */
  function wishes() {
    const all = new Map();
    for (const wish of document.querySelectorAll("tr[id] .whos > span")) {
      const amount = wish.querySelector("b").textContent;
      all.set(`${wish.closest("tr").id} ${wish.textContent.slice(0, -amount.length).trim()}`, amount);
    }
    return all;
  }

  function mark(before) {
    const now = wishes();
    const changed = [...new Set([...before.keys(), ...now.keys()])].filter((key) => before.get(key) !== now.get(key));
    const rows = new Set([...before.keys()].map((key) => key.split(" ", 1)[0]));
    for (const key of changed) if (before.size && rows.has(key.split(" ", 1)[0])) marked.add(key);
    showMarks();
    tell(changed.slice(0, 3).map((key) => sentence(key, now.get(key))));
  }

  function showMarks() {
    const names = [...document.querySelectorAll(".matrix thead th")].map((head) => head.textContent);
    for (const row of document.querySelectorAll(".matrix tr[id]")) {
      for (const wish of row.querySelectorAll(".whos > span")) {
        wish.classList.toggle("changed", marked.has(`${row.id} ${wish.firstChild.textContent.trim()}`));
      }
      for (const cell of row.querySelectorAll(".who")) {
        cell.classList.toggle("changed", marked.has(`${row.id} ${names[cell.cellIndex]}`));
      }
    }
  }

  function sentence(key, amount) {
    const [row, ...name] = key.split(" ");
    const words = { NAME: name.join(" "), PRODUCT: document.querySelector(`#${row} .name a`)?.textContent, AMOUNT: amount ?? "0" };
    return document.getElementById("news")?.dataset.changed.replace(/NAME|PRODUCT|AMOUNT/g, (word) => words[word] ?? "");
  }

  function tell(sentences) {
    const place = document.getElementById("news");
    if (place && sentences.length) place.textContent = sentences.join(". ");
  }

  function unmark() {
    if (!marked.size) return;
    marked.clear();
    showMarks();
  }

  // --- The dot ----------------------------------------------------------------------------------

  function show() {
    const place = document.getElementById("live");
    if (!place) return;
    const state = !navigator.onLine ? "offline" : isOpen ? "live" : Date.now() - lostAt > SHOWS_TROUBLE ? "again" : place.dataset.state;
    if (!state || place.dataset.state === state) return;
    // The first word is nothing to be read out; what comes after it is.
    if (place.dataset.state) place.setAttribute("role", "status");
    place.dataset.state = state;
    place.hidden = false;
    place.textContent = place.dataset[`${state}Word`];
  }

  // --- What happens to the page -----------------------------------------------------------------

  addEventListener("online", wake);
  addEventListener("offline", () => {
    disconnect();
    show();
  });
  addEventListener("pageshow", (event) => event.persisted && wake());
  addEventListener("pagehide", disconnect);
  document.addEventListener("visibilitychange", () => (isShown() ? wake() : disconnect()));
  document.addEventListener("close", plan, true); // a dialog
  for (const event of ["click", "keydown", "submit"]) document.addEventListener(event, unmark, true);

  function begins() {
    own += 1;
    underWay += 1;
  }

  function ends() {
    own += 1;
    underWay = Math.max(0, underWay - 1);
    connect(); // the answer may have been another page
    plan();
  }
  document.addEventListener("htmx:before:request", begins);
  document.addEventListener("htmx:finally:request", ends);
  document.addEventListener("bulq:sending", begins);
  document.addEventListener("bulq:sent", ends);

  document.addEventListener("DOMContentLoaded", () => {
    if (topic() === undefined) return;
    connect();
    setInterval(tick, 1000);
  });
})();

// The order matrix saves itself. Markup: templates/includes/_stepper.html and one <form id="order" data-autosave>.
// A tap shows at once; the first change is sent at once, later ones together, at most one request in four seconds
// and one in flight. A request that may have arrived is repeated with the same one-time id.
// Quantities are decimal text, counted here in whole hundredths.
(() => {
  "use strict";

  const PAUSE = 4000;
  const LONGEST_PAUSE = 60_000;
  const MOST = 9_999_900; // 99,999 in hundredths

  let pending = null; // the request in flight or to be repeated: { body, values }
  let inFlight = false;
  let hurry = false; // the page was hidden while a request was in flight
  let notBefore = 0;
  let timer = 0;
  let failures = 0;

  const order = () => document.querySelector("form#order[data-autosave]");
  const lines = () => [...document.querySelectorAll(".qty[data-line]")];
  const input = (line) => line.querySelector(`[name="q-${line.dataset.line}"]`);
  const fold = (line) => document.getElementById(`wish-${line.dataset.line}`); // only beside an amount that is stored

  /** Hundredths of a typed number; "" is 0, null is not a number. */
  function hundredths(text) {
    const match = /^\s*(\d{0,5})(?:[.,](\d{0,2}))?\s*$/.exec(text);
    return match ? Number(match[1] || 0) * 100 + Number((match[2] || "").padEnd(2, "0")) : null;
  }

  const decimal = (amount) => `${Math.trunc(amount / 100)}.${String(amount % 100).padStart(2, "0")}`.replace(/\.?0+$/, "") || "0";

  /** The same number in another spelling is the same. */
  function differs(a, b) {
    const [x, y] = [hundredths(a), hundredths(b)];
    return x === null || y === null ? a.trim() !== b.trim() : x !== y;
  }

  /** A field of the fold: `m` for the limit, `s` for the choice, `i` for what instead. */
  const term = (line, letter) => fold(line).querySelector(`[name="${letter}-${line.dataset.line}"]${letter === "s" ? ":checked" : ""}`).value;

  /** What stands in the fold beside an amount, as its hidden field says what is stored; "" without a fold. */
  function terms(line) {
    if (!fold(line)) return "";
    const [limit, choice, instead] = ["m", "s", "i"].map((letter) => term(line, letter).trim());
    return `${hundredths(limit) ? decimal(hundredths(limit)) : limit}|${choice}|${instead}`;
  }

  const had = (line) => fold(line)?.querySelector("[type=hidden]").value ?? "";
  const state = (line) => `${input(line).value} ${terms(line)}`;

  /** Lines to send: changed, and not refused before. */
  const changed = () => lines().filter((line) => (differs(input(line).value, line.dataset.was) || terms(line) !== had(line)) && line.dataset.refused !== state(line));

  // --- On the page --------------------------------------------------------------------------------

  function show(line, text) {
    const had = line.contains(document.activeElement);
    const has = hundredths(text) !== 0;
    input(line).value = text;
    line.classList.toggle("has", has);
    // The pressed button may have disappeared: keep the focus in the line.
    if (had && !document.activeElement.checkVisibility()) line.querySelector(has ? '[name="plus"]' : ".add-btn").focus();
  }

  /** One step up or down; below one step comes zero. */
  function stepped(box, step, direction) {
    const by = hundredths(step || "1");
    const now = hundredths(box.value) || 0;
    return decimal(direction < 0 && now <= by ? 0 : Math.min(now + direction * by, MOST));
  }

  function say(word, sentence = "", kind = "") {
    const place = document.getElementById("save-status");
    if (!place) return;
    place.textContent = [order().dataset[word], sentence].filter(Boolean).join(": ");
    place.className = `save-status ${kind}`;
  }

  // --- Sending ------------------------------------------------------------------------------------

  function plan() {
    clearTimeout(timer);
    if (!inFlight && (pending || changed().length)) timer = setTimeout(send, Math.max(0, notBefore - Date.now()));
  }

  /** Everything changed since the amounts in `sent`, as one request. */
  function collect(sent = new Map()) {
    const dirty = changed().filter((line) => sent.get(line.dataset.line)?.state !== state(line));
    if (!dirty.length) return null;
    const body = new URLSearchParams({
      csrfmiddlewaretoken: order().elements.csrfmiddlewaretoken.value,
      once: crypto.randomUUID?.() ?? URL.createObjectURL(new Blob()).slice(-36), // the first needs https
    });
    const values = new Map();
    for (const line of dirty) {
      const id = line.dataset.line;
      values.set(id, { amount: input(line).value, terms: terms(line), state: state(line) });
      body.set(`q-${id}`, input(line).value);
      body.set(`was-${id}`, sent.get(id)?.amount ?? line.dataset.was);
      if (!fold(line)) continue;
      for (const letter of ["m", "s", "i"]) body.set(`${letter}-${id}`, term(line, letter));
      body.set(`had-${id}`, sent.get(id)?.terms || had(line));
    }
    return { body: body.toString(), values };
  }

  const post = (body) =>
    fetch(order().action, {
      method: "POST",
      body,
      keepalive: true, // continues when the page is left
      headers: { "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true", "X-Bulq-Part": "order" },
    });

  async function send() {
    if (inFlight || !order()) return;
    pending ||= collect();
    if (!pending) return;
    inFlight = true;
    document.dispatchEvent(new Event("bulq:sending"));
    notBefore = Date.now() + PAUSE;
    say("saving");
    try {
      await handle(await post(pending.body));
    } catch {
      wait(0);
    }
    inFlight = false;
    document.dispatchEvent(new Event("bulq:sent"));
    if (hurry) notBefore = 0;
    hurry = false;
    plan();
  }

  /** Keep the amounts and try later: after `seconds` when the server names them, else ever more slowly. */
  function wait(seconds) {
    failures += 1;
    notBefore = Date.now() + (seconds * 1000 || Math.min(PAUSE * 2 ** (failures - 1), LONGEST_PAUSE));
    say("waiting", "", "warn");
  }

  async function handle(response) {
    if (response.status === 429 || response.status >= 500) {
      if (response.status === 429) pending = null; // certainly not stored: later taps may be added
      return wait(Number.parseInt(response.headers.get("Retry-After"), 10) || 0);
    }
    if (response.headers.has("X-Bulq-Again")) {
      // Logged out, or in again elsewhere: the browser submits the whole table, and the answer keeps the amounts.
      pending = null;
      return HTMLFormElement.prototype.submit.call(order());
    }
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.querySelector("[data-order-answer]");
    const { values } = pending;
    pending = null;
    failures = 0;
    if (part) return apply(part, values);
    if (response.status === 409) return outrun(page);
    // Refused as a whole: do not send it again before the next change.
    for (const line of lines()) if (values.has(line.dataset.line)) line.dataset.refused = values.get(line.dataset.line).state;
    return say("failed", page.querySelector("#refused, .errors, .banner, h1")?.textContent.trim(), "bad");
  }

  /** The run has moved on, so nothing more can be saved here: show its current state, and why. */
  async function outrun(page) {
    lines().forEach((line) => show(line, line.dataset.was || "0"));
    say("saved", "", "ok");
    await htmx.ajax("GET", location.pathname + location.search, { target: "body", swap: "outerMorph show:none" });
    document.dispatchEvent(new CustomEvent("bulq:banner", { detail: page.querySelector("#refused")?.textContent.trim() }));
  }

  // --- Taking the answer in -----------------------------------------------------------------------

  function apply(part, values) {
    let refused = "";
    if (!bulq.fillIn(part)) part.querySelector("#people").remove(); // someone is new: the next refresh shows them
    for (const child of [...part.children]) {
      const fresh = child.id ? [child] : (child.content ?? child).querySelectorAll("tr[id]");
      for (const element of fresh) {
        const old = document.getElementById(element.id);
        if (!old) continue;
        const error = element.querySelector('[id^="line-err-"]:not([hidden]), [id^="limit-err-"]:not([hidden])');
        if (error) refused = error.textContent.trim();
        if (element.querySelector("[data-line]")) updateRow(old, element, values);
        else if (old.hasAttribute("aria-live")) old.replaceChildren(...element.childNodes); // a new region would not be announced
        else old.replaceWith(document.importNode(element, true));
      }
    }
    globalThis.htmx?.process(document.body);
    if (refused) say("failed", refused, "bad");
    else say("saved", "", "ok");
  }

  /** A row keeps its stepper, because a finger may be on it. Its other cells are replaced. */
  function updateRow(old, row, values) {
    const cells = [...row.children];
    const own = old.querySelector("[data-line]");
    if (old.tagName !== "TR") return updateLine(own, row.querySelector(".mine"), values.get(own.dataset.line)); // of last time
    [...old.children].forEach((cell, n) => {
      const line = cell.querySelector("[data-line]");
      if (line) updateLine(line, cells[n], values.get(line.dataset.line));
      else cell.replaceWith(document.importNode(cells[n], true));
    });
  }

  function updateLine(line, cell, sent) {
    const box = input(line);
    const stored = cell.querySelector("[data-line]").dataset.was;
    const error = cell.querySelector('[id^="line-err-"]');
    const isRefused = cell.querySelector(".error:not([hidden])") !== null;
    const newer = sent === undefined ? differs(box.value, line.dataset.was) : box.value !== sent.amount;
    updateFold(line, cell.querySelector(".wish"), sent, isRefused);
    line.dataset.was = box.defaultValue = stored;
    line.querySelector(`[name="was-${line.dataset.line}"]`).value = stored;
    delete line.dataset.refused;
    if (isRefused) line.dataset.refused = sent?.state ?? state(line);
    else if (!newer && document.activeElement !== box) {
      show(line, stored || "0");
      box.defaultValue = box.value; // a later answer with another number overwrites nothing typed
    }
    complain(line, error.hidden ? "" : error.textContent);
  }

  /** The fold beside an amount stays open, and keeps what is newer than what was sent, or was refused. */
  function updateFold(line, fresh, sent, isRefused) {
    const old = fold(line);
    const isNewer = old !== null && terms(line) !== (sent?.terms || had(line));
    if (!old && fresh) line.after(document.importNode(fresh, true));
    if (old && !fresh && !isNewer) old.remove();
    if (!old || !fresh) return;
    old.querySelector("summary").replaceChildren(...fresh.querySelector("summary").childNodes);
    const limit = fresh.querySelector(".error");
    complainAt(`m-${line.dataset.line}`, `limit-err-${line.dataset.line}`, limit.hidden ? "" : limit.textContent);
    old.open ||= !limit.hidden;
    for (const box of old.querySelectorAll("input")) {
      const now = [...fresh.querySelectorAll("input")].find((other) => other.name === box.name && (other.type !== "radio" || other.value === box.value));
      if (box.type === "hidden") box.value = now.value;
      if (isRefused || box.type === "hidden") continue;
      const isChecked = box.checked;
      [box.defaultValue, box.defaultChecked] = [now.defaultValue, now.defaultChecked];
      if (box.type === "radio") box.checked = isNewer ? isChecked : now.defaultChecked;
      else if (!isNewer && document.activeElement !== box) box.value = now.defaultValue;
    }
  }

  const complain = (line, sentence) => complainAt(input(line).id, `line-err-${line.dataset.line}`, sentence);

  function complainAt(field, id, sentence) {
    const place = document.getElementById(id);
    place.textContent = sentence;
    place.hidden = !sentence;
    document.getElementById(field).setAttribute("aria-invalid", String(Boolean(sentence)));
    document.getElementById(field).setAttribute("aria-describedby", id);
  }

  // --- What people do -----------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".qty button");
    const line = button?.closest(".qty");
    if (line?.dataset.line && order()) {
      event.preventDefault();
      show(line, button.dataset.amount ?? stepped(input(line), line.dataset.step, button.name === "minus" ? -1 : 1));
      plan();
    } else if (button?.dataset.by) {
      // A stepper inside an ordinary form only changes the number.
      const box = line.querySelector("input");
      step(box, line.dataset.step, Number(button.dataset.by));
      box.dispatchEvent(new Event("input", { bubbles: true }));
      if (box.dataset.above) plan();
    }
  });

  /** A limit begins at the amount that it is for, and is none when it comes down to it. */
  function step(box, by, direction) {
    const least = box.dataset.above && document.getElementById(box.dataset.above);
    const next = stepped(least && !hundredths(box.value) ? least : box, by, direction);
    box.value = least && hundredths(next) <= hundredths(least.value) ? "" : next;
  }

  document.addEventListener("change", (event) => {
    if (event.target.closest(".wish") && order()) return plan();
    const line = event.target.closest(".qty[data-line]");
    if (!line || !order()) return;
    if (hundredths(event.target.value) !== null) show(line, event.target.value.trim() || "0");
    if (!differs(event.target.value, line.dataset.was)) complain(line, "");
    plan();
  });

  // Enter would press the first button of the whole table.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches(".qty[data-line] input, .wish input") || !order()) return;
    event.preventDefault();
    event.target.dispatchEvent(new Event("change", { bubbles: true }));
  });

  addEventListener("online", () => {
    notBefore = 0;
    plan();
  });

  function sendNow() {
    if (inFlight) hurry = true;
    else if (order()) send();
  }

  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && sendNow());
  document.addEventListener("bulq:save", () => failures || sendNow()); // what is on the page is about to be replaced

  // The server said to wait, so nothing can be sent now: warn people who leave that it would be lost.
  addEventListener("beforeunload", (event) => {
    if (failures && order() && (pending || changed().length)) event.preventDefault();
  });

  addEventListener("pagehide", () => {
    if (!order()) return;
    if (pending && !inFlight) post(pending.body).catch(() => {});
    // The answer to a request in flight will not be seen: send what was tapped since alongside it.
    const rest = collect(pending?.values);
    if (rest) post(rest.body).catch(() => {});
  });
})();

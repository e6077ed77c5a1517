// The order matrix saves itself. Markup: templates/includes/_stepper.html; one <form id="order" data-autosave>.
// A tap shows at once; the first change is sent at once, later ones together, at most one request in four
// seconds and one in flight. A request that may have arrived is repeated with the same one-time id.
// Quantities are decimal text, counted here in whole hundredths.
(() => {
  "use strict";

  const PAUSE = 4000;
  const LONGEST_PAUSE = 60_000;
  const MOST = 9_999_900; // 99,999 in hundredths

  let pending = null; // what is on its way or has to be repeated: { body, values }
  let inFlight = false;
  let notBefore = 0;
  let timer = 0;
  let failures = 0;
  let hurry = false; // the page was left while a request was out

  const order = () => document.querySelector("form#order[data-autosave]");
  const lines = () => document.querySelectorAll(".qty[data-line]");
  const input = (line) => line.querySelector(`[name="q-${line.dataset.line}"]`);

  /** Hundredths of a typed number; "" is 0, null is no number. */
  function hundredths(text) {
    const match = /^\s*(\d{0,5})(?:[.,](\d{0,2}))?\s*$/.exec(text);
    return match ? Number(match[1] || 0) * 100 + Number((match[2] || "").padEnd(2, "0")) : null;
  }

  function decimal(amount) {
    const text = `${Math.trunc(amount / 100)}.${String(amount % 100).padStart(2, "0")}`;
    return text.replace(/\.?0+$/, "") || "0";
  }

  /** The same number is the same, however it is written. */
  function differs(a, b) {
    const [x, y] = [hundredths(a), hundredths(b)];
    return x === null || y === null ? a.trim() !== b.trim() : x !== y;
  }

  const changed = () => [...lines()].filter((line) => differs(input(line).value, line.dataset.was) && line.dataset.refused !== input(line).value);

  // --- On the page --------------------------------------------------------------------------------

  function show(line, text) {
    input(line).value = text;
    const had = line.contains(document.activeElement);
    const has = hundredths(text) !== 0;
    line.classList.toggle("has", has);
    // The button that was pressed may just have gone: stay in the line.
    if (had && !document.activeElement.checkVisibility()) {
      line.querySelector(has ? '[name="plus"]' : ".add-btn").focus();
    }
  }

  function step(line, direction) {
    const by = hundredths(line.dataset.step) || 100;
    const now = hundredths(input(line).value) || 0;
    // Below one step there is nothing: the line is taken off the order.
    const next = direction < 0 && now <= by ? 0 : Math.min(now + direction * by, MOST);
    show(line, decimal(next));
  }

  function say(word, sentence = "", kind = "") {
    const place = document.getElementById("save-status");
    if (!place) return;
    place.textContent = order().dataset[word].replace("{sentence}", sentence);
    place.className = `save-status ${kind}`;
  }

  // --- Sending ------------------------------------------------------------------------------------

  function plan() {
    clearTimeout(timer);
    if (inFlight || !(pending || changed().length)) return;
    timer = setTimeout(send, Math.max(0, notBefore - Date.now()));
  }

  function collect() {
    const values = new Map(changed().map((line) => [line.dataset.line, input(line).value]));
    if (!values.size) return null;
    const body = new URLSearchParams({
      csrfmiddlewaretoken: order().elements.csrfmiddlewaretoken.value,
      once: crypto.randomUUID?.() ?? URL.createObjectURL(new Blob()).slice(-36), // the first needs https
    });
    for (const line of lines()) {
      const id = line.dataset.line;
      if (!values.has(id)) continue;
      body.set(`q-${id}`, values.get(id));
      body.set(`was-${id}`, line.dataset.was);
    }
    return { body: body.toString(), values };
  }

  async function send() {
    pending ||= collect();
    if (!pending || inFlight || !order()) return;
    inFlight = true;
    notBefore = Date.now() + PAUSE;
    say("saving");
    try {
      await handle(await post(pending.body));
    } catch {
      wait(0, true);
    } finally {
      inFlight = false;
      if (hurry) notBefore = 0;
      hurry = false;
      plan();
    }
  }

  const post = (body) =>
    fetch(order().action, {
      method: "POST",
      body,
      keepalive: true, // goes on when the page is left
      headers: { "Content-Type": "application/x-www-form-urlencoded", "HX-Request": "true", "X-Bulq-Part": "order" },
    });

  /** Keep the amounts and try later: after `seconds` when the server names them, else ever more slowly. */
  function wait(seconds, repeat) {
    failures += 1;
    if (!repeat) pending = null;
    const pause = seconds ? seconds * 1000 : Math.min(PAUSE * 2 ** (failures - 1), LONGEST_PAUSE);
    notBefore = Date.now() + pause;
    say("waiting", "", "warn");
  }

  async function handle(response) {
    const later = Number.parseInt(response.headers.get("Retry-After"), 10) || 0;
    if (response.status === 429) return wait(later, false);
    if (response.status >= 500) return wait(later, true);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const part = page.querySelector("[data-order-answer]");
    const { values } = pending;
    pending = null;
    failures = 0;
    if (part) return apply(part, values);
    // A page instead of the part: refused as a whole. Nothing is sent again until the next change.
    for (const [id, value] of values) document.querySelector(`.qty[data-line="${id}"]`)?.setAttribute("data-refused", value);
    const sentence = page.querySelector("#refused, .errors, .banner, h1");
    return say("failed", sentence?.textContent.trim() ?? "", "bad");
  }

  // --- Taking the answer in -----------------------------------------------------------------------

  function apply(part, values) {
    let refused = "";
    const fresh = [...part.children].flatMap((child) => (child.content ? [...child.content.children] : child.id ? [child] : [...child.querySelectorAll("tr[id]")]));
    for (const element of fresh) {
      const old = document.getElementById(element.id);
      if (!old) continue;
      const error = element.querySelector('[id^="line-err-"]:not([hidden])');
      if (error) refused = error.textContent.trim();
      if (element.querySelector("[data-line]")) updateRow(old, element, values);
      else old.replaceWith(document.importNode(element, true));
    }
    globalThis.htmx?.process(document.body);
    if (refused) say("failed", refused, "bad");
    else say("saved");
  }

  /** A row keeps its stepper: a finger may be on it. All its other cells are replaced. */
  function updateRow(old, row, values) {
    const fresh = [...row.children];
    [...old.children].forEach((cell, n) => {
      const line = cell.querySelector("[data-line]");
      if (!line) cell.replaceWith(document.importNode(fresh[n], true));
      else updateLine(line, cell, fresh[n], values);
    });
  }

  function updateLine(line, cell, fresh, values) {
    const stored = fresh.querySelector("[data-line]").dataset.was;
    const error = fresh.querySelector('[id^="line-err-"]');
    const box = input(line);
    const was = line.dataset.was;
    line.dataset.was = stored;
    line.querySelector(`[name="was-${line.dataset.line}"]`).value = stored;
    const sent = values.get(line.dataset.line);
    const newer = sent === undefined ? differs(box.value, was) : box.value !== sent;
    delete line.dataset.refused;
    if (!error.hidden) line.dataset.refused = box.value;
    else if (!newer && document.activeElement !== box) show(line, stored || "0");
    box.defaultValue = stored;
    document.getElementById(error.id)?.replaceWith(document.importNode(error, true));
    box.toggleAttribute("aria-invalid", !error.hidden);
    if (!error.hidden) box.setAttribute("aria-describedby", error.id);
  }

  // --- What people do -----------------------------------------------------------------------------

  document.addEventListener("click", (event) => {
    const button = event.target.closest(".qty button");
    const line = button?.closest(".qty");
    if (!line) return;
    if (line.dataset.line && order()) {
      event.preventDefault();
      step(line, button.name === "minus" ? -1 : 1);
      plan();
    } else if (button.dataset.by) {
      stepAlone(line, Number(button.dataset.by));
    }
  });

  /** A stepper inside an ordinary form: it only changes the number. */
  function stepAlone(line, direction) {
    const box = line.querySelector("input");
    const by = hundredths(line.dataset.step) || 100;
    const next = Math.min(Math.max((hundredths(box.value) || 0) + direction * by, 0), MOST);
    box.value = decimal(next);
    box.dispatchEvent(new Event("input", { bubbles: true }));
  }

  document.addEventListener("change", (event) => {
    const line = event.target.closest(".qty[data-line]");
    if (!line || !order()) return;
    if (hundredths(event.target.value) !== null) show(line, event.target.value.trim() || "0");
    plan();
  });

  // Enter would press the first button of the whole table.
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || !event.target.matches(".qty[data-line] input") || !order()) return;
    event.preventDefault();
    event.target.blur();
    event.target.focus();
  });

  addEventListener("online", () => {
    notBefore = 0;
    plan();
  });

  function flush() {
    if (!order()) return;
    clearTimeout(timer);
    if (inFlight) hurry = true;
    else send();
  }
  document.addEventListener("visibilitychange", () => document.visibilityState === "hidden" && flush());
  addEventListener("pagehide", () => {
    // The answer to a request still out will not be seen; what was tapped since goes out beside it.
    const rest = inFlight && order() ? collect() : null;
    if (rest) post(rest.body).catch(() => {});
    else flush();
  });
})();

// What every page does with JavaScript: forms through htmx, dialogs, messages, copy, share, print.
// Runs before htmx (see templates/includes/_head.html) and works under script-src 'self' without eval.
(() => {
  "use strict";

  const TOAST_STAYS = 10_000;
  const root = document.documentElement;
  root.classList.add("js");

  const messages = () => document.getElementById("messages");

  // --- Messages ---------------------------------------------------------------------------------

  /** Show a sentence as a banner until the next answer. A note is announced, but does not get the focus. */
  function banner(text, { isNote = false } = {}) {
    if (document.querySelector("[data-own]")?.textContent === text) return;
    const box = document.createElement("div");
    box.className = "banner warn";
    box.dataset.own = "";
    const words = document.createElement("p");
    words.textContent = text;
    box.append(words);
    const place = document.querySelector("dialog[open] .refusal") || messages();
    place?.querySelectorAll("[data-own]").forEach((old) => old.remove());
    place?.prepend(box);
    if (!isNote) box.scrollIntoView({ block: "nearest" });
  }

  document.addEventListener("bulq:banner", (event) => banner(event.detail));
  document.addEventListener("bulq:note", (event) => banner(event.detail, { isNote: true }));

  const shown = new WeakMap();
  const markToasts = () => document.querySelectorAll(".toast").forEach((toast) => shown.has(toast) || shown.set(toast, Date.now()));

  // A toast stays until the next action, and for at least ten seconds.
  function dropToasts(event) {
    markToasts();
    for (const toast of document.querySelectorAll(".toast")) {
      if (!toast.contains(event.target) && Date.now() - shown.get(toast) > TOAST_STAYS) toast.remove();
    }
  }
  document.addEventListener("pointerdown", dropToasts);
  document.addEventListener("keydown", dropToasts);

  // --- Forms through htmx -----------------------------------------------------------------------

  // The attribute on the body makes htmx handle links too; only POST forms are wanted.
  document.addEventListener("htmx:before:init", (event) => {
    const own = event.target;
    const asks = ["get", "post", "put", "patch", "delete"].some((verb) => own.hasAttribute(`hx-${verb}`));
    if (!asks && !(own.tagName === "FORM" && own.getAttribute("method")?.toLowerCase() === "post")) event.preventDefault();
  });

  // Extensions have to be registered before the first form is sent; htmx exists by the time it processes the page.
  document.addEventListener("htmx:before:process", () => htmx.registerExtension("keep", { htmx_before_morph_attr: keep, htmx_before_morph_node: keepNode }), { once: true });

  const byHand = new WeakSet(); // details that the person opened or closed by hand
  document.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    if (summary) byHand.add(summary.parentElement);
  });

  let sent = null; // the form whose answer is being swapped in
  let nextLine = null; // of the shopping list: gets the focus when the focused line moves to the cart

  /** Keep what the person did: an opened details, a half-typed number in another form. */
  function keep(element, detail) {
    if (element.tagName === "DETAILS" && detail.attrName === "open") return element.hasAttribute("data-follow") && !byHand.has(element);
    const typing = element.tagName === "INPUT" && detail.attrName === "value" && element.form !== sent;
    return !(typing && element.type !== "hidden" && element.value !== element.defaultValue);
  }

  /** Keep a half-filled form, with the version it is based on. And where nothing was sent: messages, and
   *  whatever says why something was refused. */
  function keepNode(element) {
    if (element.tagName === "FORM" && element !== sent && bulq.isHalfFilled(element)) return false;
    if (sent) return true;
    const line = element.matches(".wish") ? element.parentElement.querySelector(".qty[data-line]") : element;
    if (line.matches(".qty[data-line]") && isUnsaved(line)) return false;
    return element.id !== "messages" && !element.querySelector(":scope > .error:not([hidden]), :scope > .errors");
  }

  function isTyped(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
    return (field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && field.type !== "hidden")) && field.value !== field.defaultValue;
  }

  /** An amount of the order table, or what goes with it, that is unsaved or being typed. */
  function isUnsaved(line) {
    const box = line.querySelector("input");
    const fold = document.getElementById(`wish-${line.dataset.line}`);
    if (fold && [...fold.querySelectorAll("input")].some((field) => isTyped(field) || field === document.activeElement)) return true;
    return box === document.activeElement || Number(box.value.replace(",", ".")) !== Number(line.dataset.was);
  }

  /** Put in the lines that an answer leaves out because they stand here (bids/views/refresh.py). Returns false if one does not. */
  function fillIn(answer) {
    for (const list of answer.querySelectorAll("[data-lines]")) {
      const ids = list.dataset.lines.split(" ").filter(Boolean);
      const known = ids.map((id) => answer.querySelector(`#${id}`) ?? document.getElementById(id)?.cloneNode(true));
      if (!known.every(Boolean)) return false;
      list.replaceChildren(...known);
      list.removeAttribute("data-lines");
    }
    answer.querySelector("#order:empty")?.replaceWith(document.getElementById("order").cloneNode(true));
    return true;
  }

  // The order table does not count as such a form: its amounts are outside it and are checked one by one.
  globalThis.bulq = { isUnsaved, fillIn, isHalfFilled: (form) => !("autosave" in form.dataset) && [...form.elements].some(isTyped) };

  let pressed = null; // the button that submitted the last form
  document.addEventListener("submit", (event) => (pressed = event.submitter), true);

  /** Submit again through the browser: the answer (log in first, or an old token) is a whole page. */
  function sendByBrowser(form) {
    if (pressed?.form === form && pressed.name) form.append(Object.assign(document.createElement("input"), { type: "hidden", name: pressed.name, value: pressed.value }));
    if (pressed?.form === form && pressed.hasAttribute("formaction")) form.action = pressed.formAction;
    HTMLFormElement.prototype.submit.call(form);
  }

  document.addEventListener("htmx:before:swap", (event) => {
    if (event.defaultPrevented) return;
    const { ctx, tasks } = event.detail;
    const main = tasks.find((task) => task.type === "main");
    if (!main || ctx.sourceElement.tagName !== "FORM") return;
    const form = ctx.sourceElement;
    if (ctx.response.raw.headers.has("X-Bulq-Again")) {
      event.preventDefault();
      sendByBrowser(form);
      return;
    }
    const whole = main.target === document.body;
    if (ctx.response.status >= 500 || (whole && !main.fragment.querySelector("#main"))) {
      event.preventDefault(); // keep what was typed; plain text would even replace the page
      banner(document.body.dataset.broken);
      return;
    }
    sent = form;
    const line = ctx.request.submitter?.closest("#todo .buy");
    nextLine = (line?.nextElementSibling ?? line?.previousElementSibling)?.id;
    if (ctx.response.status < 400) form.reset();
    const dialog = form.closest("dialog");
    if (dialog && !whole) main.target = dialog.querySelector(".refusal");
  });

  document.addEventListener("htmx:after:swap", (event) => {
    sent = null;
    markToasts();
    if (!event.detail.ctx.sourceElement?.matches?.("form")) return;
    if (focusErrors()) return;
    if (event.detail.ctx.moved) {
      scrollTo(0, 0);
      document.getElementById("main")?.focus({ preventScroll: true });
    } else if (event.detail.ctx.response.status >= 400) {
      messages()?.scrollIntoView({ block: "nearest" });
    } else if (nextLine && !document.querySelector("#todo :focus")) {
      document.getElementById(nextLine)?.querySelector("a.tick, button.tick")?.focus();
    } else if (document.activeElement === document.body) {
      document.getElementById("main")?.focus({ preventScroll: true });
    }
  });

  // A refused form keeps the address it was sent from, and an answer at the same address adds no history entry.
  document.addEventListener("htmx:before:history:update", (event) => {
    const { history, response } = event.detail;
    if (response.status >= 400 || history.path === location.pathname + location.search) event.preventDefault();
  });
  document.addEventListener("htmx:after:request", (event) => {
    const { ctx } = event.detail;
    ctx.moved = ctx.response.status < 400 && new URL(ctx.response.raw.url).pathname !== location.pathname;
  });

  document.addEventListener("htmx:error", (event) => {
    if (event.detail.ctx && !event.detail.ctx.response) banner(document.body.dataset.lost);
  });

  function focusErrors() {
    const errors = document.querySelector("dialog[open] .errors, .errors");
    errors?.focus();
    return Boolean(errors);
  }

  // --- Dialogs ----------------------------------------------------------------------------------

  /** Open the .decision section of the page behind `link` as a dialog; anything unexpected opens the page. */
  async function openDialog(link) {
    let section = null;
    try {
      const answer = await fetch(link.href, { headers: { Accept: "text/html" } });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      if (answer.ok && !answer.redirected) section = page.querySelector(".decision");
    } catch {
      banner(document.body.dataset.lost);
      return;
    }
    if (!section) {
      location.assign(link.href);
      return;
    }
    const dialog = document.createElement("dialog");
    dialog.className = "dialog";
    const refusal = document.createElement("div");
    refusal.className = "refusal";
    refusal.setAttribute("role", "alert");
    dialog.append(refusal, document.importNode(section, true));
    const heading = dialog.querySelector("h1, h2");
    if (heading) {
      heading.id ||= "dialog-title";
      dialog.setAttribute("aria-labelledby", heading.id);
    }
    dialog.addEventListener("close", () => dialog.remove());
    document.body.append(dialog);
    htmx.process(dialog);
    dialog.showModal();
  }

  // --- Buttons ----------------------------------------------------------------------------------

  /** Show success in the button itself for two seconds. */
  function confirmIn(button) {
    const words = button.querySelector("span") || button;
    const before = words.textContent;
    if (!button.dataset.done || words.textContent === button.dataset.done) return;
    words.textContent = button.dataset.done;
    setTimeout(() => (words.textContent = before), 2000);
  }

  async function copy(button) {
    const source = document.querySelector(button.dataset.copy);
    const text = source.value ?? source.textContent.trim();
    try {
      await navigator.clipboard.writeText(text);
    } catch {
      // No clipboard permission, or no HTTPS: at least select the text.
      if (source.select) source.select();
      else getSelection().selectAllChildren(source);
      return;
    }
    confirmIn(button);
  }

  /** Open the details that a link names, and focus its first empty field. */
  function unfold(link) {
    const details = document.getElementById(link.dataset.unfold);
    details.open = true;
    byHand.add(details);
    const field = [...details.querySelectorAll("input:not([type=hidden])")].find((one) => !one.value);
    field?.focus({ preventScroll: true });
    field?.scrollIntoView({ block: "center" });
  }

  const actions = {
    "a[data-unfold]": (link) => unfold(link),
    "a[data-dialog]": (link) => openDialog(link),
    "dialog [data-close]": (link) => link.closest("dialog").close(),
    "[data-copy]": (button) => copy(button),
    "[data-share]": (button) => navigator.share({ url: button.dataset.share, title: button.dataset.shareTitle }).catch(() => {}),
    "[data-print]": () => print(),
  };

  document.addEventListener("click", (event) => {
    if (event.defaultPrevented || event.button || event.ctrlKey || event.metaKey || event.shiftKey) return;
    for (const [selector, act] of Object.entries(actions)) {
      const target = event.target.closest(selector);
      if (!target) continue;
      event.preventDefault();
      act(target);
      return;
    }
  });

  // A tick that saves at once: <form data-submit-on-change>, with a button for people without JavaScript.
  document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());

  if (navigator.share) root.classList.add("can-share");

  document.addEventListener("DOMContentLoaded", () => {
    markToasts();
    focusErrors();
  });
})();

// What every page does with script: forms through htmx, dialogs, messages, copy, share, print.
// Runs before htmx (see templates/includes/_head.html) and works under script-src 'self' without eval.
(() => {
  "use strict";

  const TOAST_STAYS = 10_000;
  const root = document.documentElement;
  root.classList.add("js");

  const messages = () => document.getElementById("messages");

  // --- Messages ---------------------------------------------------------------------------------

  /** Show a sentence as a banner until the next answer. A note is read out, but nobody is taken to it. */
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

  // A toast stays until the next action, and ten seconds at least.
  function dropToasts(event) {
    markToasts();
    for (const toast of document.querySelectorAll(".toast")) {
      if (!toast.contains(event.target) && Date.now() - shown.get(toast) > TOAST_STAYS) toast.remove();
    }
  }
  document.addEventListener("pointerdown", dropToasts);
  document.addEventListener("keydown", dropToasts);

  // --- Forms through htmx -----------------------------------------------------------------------

  // The body asks htmx to take over links too; only forms that post are meant.
  document.addEventListener("htmx:before:init", (event) => {
    const own = event.target;
    const asks = ["get", "post", "put", "patch", "delete"].some((verb) => own.hasAttribute(`hx-${verb}`));
    if (!asks && !(own.tagName === "FORM" && own.getAttribute("method")?.toLowerCase() === "post")) event.preventDefault();
  });

  // Extensions have to be known before the first form is sent; htmx is there once it looks at the page.
  document.addEventListener("htmx:before:process", () => htmx.registerExtension("keep", { htmx_before_morph_attr: keep, htmx_before_morph_node: keepNode }), { once: true });

  const byHand = new WeakSet(); // a details that the person opened or closed, whatever an answer says
  document.addEventListener("click", (event) => {
    const summary = event.target.closest("summary");
    if (summary) byHand.add(summary.parentElement);
  });

  let sent = null; // the form whose answer is being put in
  let nextLine = null; // of the shopping list: where the focus goes when the line it is in moves to the cart

  /** Leave what the person did as it is: an opened details, a number half typed into another form. */
  function keep(element, detail) {
    if (element.tagName === "DETAILS" && detail.attrName === "open") return element.hasAttribute("data-follow") && !byHand.has(element);
    const typing = element.tagName === "INPUT" && detail.attrName === "value" && element.form !== sent;
    return !(typing && element.type !== "hidden" && element.value !== element.defaultValue);
  }

  /** Leave alone a form half filled in, with what it says it is based on. And where nothing was sent: messages, and
   *  whatever says why something was refused. */
  function keepNode(element) {
    if (element.tagName === "FORM" && element !== sent && bulq.isHalfFilled(element)) return false;
    if (sent) return true;
    if (element.matches(".qty[data-line]") && isUnsaved(element)) return false;
    return element.id !== "messages" && !element.querySelector(":scope > .error:not([hidden]), :scope > .errors");
  }

  function isTyped(field) {
    if (field.type === "checkbox" || field.type === "radio") return field.checked !== field.defaultChecked;
    if (field.tagName === "SELECT") return field.selectedIndex !== Math.max(0, [...field.options].findIndex((one) => one.defaultSelected));
    return (field.tagName === "TEXTAREA" || (field.tagName === "INPUT" && field.type !== "hidden")) && field.value !== field.defaultValue;
  }

  /** An amount of the order table that is not stored yet, or being typed. */
  function isUnsaved(line) {
    const box = line.querySelector("input");
    return box === document.activeElement || Number(box.value.replace(",", ".")) !== Number(line.dataset.was);
  }

  // The order table is no form in this sense: its amounts stand outside and are looked at one by one.
  globalThis.bulq = { isUnsaved, isHalfFilled: (form) => !("autosave" in form.dataset) && [...form.elements].some(isTyped) };

  let pressed = null; // the button that sent the last form
  document.addEventListener("submit", (event) => (pressed = event.submitter), true);

  /** Sent once more, by the browser itself: the answer (log in first, or an old token) is a page of its own. */
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
      event.preventDefault(); // what was typed stays; plain text would even wipe the page
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

  // A refused form keeps the address it was sent from, and an answer from the same address is no step back.
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

  /** Say in the button itself that it worked, for two seconds. */
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
      source.select?.(); // no right to the clipboard, or no https: the text is at least marked
      return;
    }
    confirmIn(button);
  }

  /** Open the details that a link names, at the first field that nothing stands in. */
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

  // A tick that saves at once: <form data-submit-on-change>, with a button for those without script.
  document.addEventListener("change", (event) => event.target.closest("form[data-submit-on-change]")?.requestSubmit());

  if (navigator.share) root.classList.add("can-share");

  document.addEventListener("DOMContentLoaded", () => {
    markToasts();
    focusErrors();
  });
})();

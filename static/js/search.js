// Searching while typing: boxes for everything, and lists. Without this script both are plain forms.
// A box for everything is a combobox whose options the server writes. <form data-suggestions="address"> with one
// search field. The first Escape closes the options and leaves the text, Tab
// chooses nothing, Enter without an option searches.
(() => {
  "use strict";

  const PAUSE = 200; // ms without a key before the server is asked
  const SAID_AFTER = 600; // ms more before the number of options is announced
  const SHORTEST = 2;
  const boxes = new WeakMap();

  class Box {
    constructor(form, field) {
      [this.form, this.field, this.list, this.current] = [form, field, null, null];
      this.place = document.createElement("div");
      this.place.className = "suggest";
      this.status = document.createElement("p");
      this.status.className = "vh";
      this.status.setAttribute("role", "status");
      form.append(this.place, this.status);
      for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"]]) field.setAttribute(name, value);
      field.addEventListener("input", () => this.typed());
      field.addEventListener("keydown", (event) => this.key(event));
      form.addEventListener("submit", () => this.close());
      form.addEventListener("focusout", (event) => form.contains(event.relatedTarget) || this.close());
      this.place.addEventListener("mousedown", (event) => event.preventDefault()); // the field keeps the focus
    }

    get options() {
      return [...this.place.querySelectorAll("[role=option]")];
    }

    typed() {
      clearTimeout(this.waiting);
      this.asked?.abort();
      if (this.field.value.trim().length < SHORTEST) return this.close();
      this.waiting = setTimeout(() => this.ask(this.field.value), PAUSE);
    }

    async ask(text) {
      this.asked = new AbortController();
      try {
        const answer = await fetch(`${this.form.dataset.suggestions}?${new URLSearchParams({ q: text })}`, { signal: this.asked.signal });
        const html = answer.ok && !answer.redirected ? await answer.text() : "";
        if (text === this.field.value && document.activeElement === this.field) this.show(html);
      } catch {
        this.close(); // aborted, or no connection: Enter still searches
      }
    }

    show(html) {
      this.close();
      this.place.innerHTML = html.trim();
      this.list = this.place.firstElementChild;
      if (!this.list) return;
      this.list.id = `${this.field.id}-options`;
      this.options.forEach((option, n) => (option.id = `${this.list.id}-${n}`));
      this.field.setAttribute("aria-controls", this.list.id);
      this.field.setAttribute("aria-expanded", "true");
      this.saying = setTimeout(() => (this.status.textContent = this.list?.dataset.status ?? ""), SAID_AFTER);
    }

    close() {
      clearTimeout(this.waiting);
      clearTimeout(this.saying);
      this.status.textContent = "";
      this.choose(null);
      this.place.replaceChildren();
      this.list = null;
      this.field.setAttribute("aria-expanded", "false");
      this.field.removeAttribute("aria-controls");
    }

    choose(option) {
      this.current?.setAttribute("aria-selected", "false");
      this.current = option;
      if (!option) return this.field.removeAttribute("aria-activedescendant");
      option.setAttribute("aria-selected", "true");
      option.scrollIntoView({ block: "nearest" });
      this.field.setAttribute("aria-activedescendant", option.id);
    }

    key(event) {
      if (event.isComposing) return;
      if (event.key === "ArrowDown" && !this.list && this.field.value.trim().length >= SHORTEST) {
        event.preventDefault();
        this.ask(this.field.value);
      } else if (!this.list) {
        return;
      } else if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        const options = [null, ...this.options]; // none: back in the text
        const step = event.key === "ArrowDown" ? 1 : -1;
        this.choose(options[(options.indexOf(this.current) + step + options.length) % options.length]);
      } else if (event.key === "Escape") {
        event.preventDefault(); // a search field would empty itself
        this.close();
      } else if (event.key === "Enter" && this.current) {
        event.preventDefault();
        this.current.click();
      } else if (event.key === "Tab") {
        this.close();
      }
    }
  }

  // --- A list that is searched: <form data-list="#found"> ------------------------------------------
  let waiting = 0;
  let asked = null;

  document.addEventListener("input", ({ target }) => {
    const form = target.closest("form[data-list]");
    if (!form) return;
    clearTimeout(waiting);
    asked?.abort();
    waiting = setTimeout(() => look(form), PAUSE);
  });

  /** Replaces the list by that of the same page for what is typed. Amounts in it have to be saved before. */
  async function look(form) {
    if ([...document.querySelectorAll(".qty[data-line]")].some(bulq.isUnsaved)) {
      document.dispatchEvent(new Event("bulq:save"));
      waiting = setTimeout(() => look(form), PAUSE);
      return;
    }
    const address = `${location.pathname}?${new URLSearchParams(new FormData(form))}`;
    asked = new AbortController();
    try {
      const answer = await fetch(address, { signal: asked.signal });
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const list = answer.ok && page.querySelector(form.dataset.list);
      if (!list || asked.signal.aborted) return;
      document.querySelector(form.dataset.list).replaceWith(document.importNode(list, true));
      htmx.process(document.querySelector(form.dataset.list));
      history.replaceState(history.state, "", address);
      document.getElementById("found-status").textContent = list.dataset.status;
    } catch {
      // Aborted, or no connection: Enter still searches.
    }
  }

  document.addEventListener("focusin", ({ target }) => {
    const form = target.matches("input[type=search]") && target.closest("form[data-suggestions]");
    if (form && !boxes.has(target)) boxes.set(target, new Box(form, target));
  });
})();

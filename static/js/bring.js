// Sends a file to the admin in parts, because the proxy in front of the site passes on less than a megabyte at once, and
// keeps the page of an import up to date.
const PAUSE = 3000;
const ATTEMPTS = 4;
const wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

class Refused extends Error {}

const send = async (url, fields, part, name) => {
  for (let attempt = 1; ; attempt++) {
    const body = new FormData();
    for (const [key, value] of Object.entries(fields)) body.append(key, value);
    body.append("part", part, name);
    let answer;
    try {
      answer = await fetch(url, { method: "POST", body, redirect: "error" });
    } catch {
      answer = null; // no network, or logged out
    }
    if (answer?.ok) return;
    if (answer?.headers.get("Content-Type")?.startsWith("text/plain")) throw new Refused(await answer.text());
    if (attempt === ATTEMPTS) throw new Error("no answer");
    await wait(1000 * (answer?.headers.get("Retry-After") ?? attempt));
  }
};

const refuse = (row, sentence) => {
  row.querySelector(".errorlist")?.remove();
  row.classList.toggle("errors", Boolean(sentence));
  if (!sentence) return;
  const list = Object.assign(document.createElement("ul"), { className: "errorlist" });
  list.setAttribute("role", "alert");
  list.append(Object.assign(document.createElement("li"), { textContent: sentence }));
  row.prepend(list);
};

const form = document.querySelector("#bring");
const uploads = new WeakMap(); // the id of each chosen file, and how many of its parts have been sent

form?.addEventListener("submit", async (event) => {
  const { file: field, upload, name } = form.elements;
  const [file] = field.files;
  if (!file) return;
  event.preventDefault();
  const { to, most, part: length, tooLarge, sending, failed } = form.dataset;
  const row = document.querySelector("#row-file");
  const status = document.querySelector("#sending");
  const button = form.querySelector("[type=submit]");
  if (button.disabled) return;
  refuse(row, file.size > most ? tooLarge : "");
  if (file.size > most) {
    field.focus();
    return;
  }
  const sent = uploads.get(file) ?? { id: crypto.randomUUID(), parts: 0 };
  uploads.set(file, sent);
  button.disabled = true;
  try {
    const count = Math.max(1, Math.ceil(file.size / length));
    for (; sent.parts < count; sent.parts++) {
      status.textContent = `${sending}: ${Math.round((100 * sent.parts) / count)} %`;
      const start = sent.parts * length;
      const fields = {
        csrfmiddlewaretoken: form.elements.csrfmiddlewaretoken.value,
        upload: sent.id,
        number: sent.parts,
        size: file.size,
      };
      await send(to, fields, file.slice(start, start + Number(length)), file.name);
    }
    upload.value = sent.id;
    name.value = file.name;
    field.value = "";
    form.submit();
  } catch (error) {
    if (error instanceof Refused) uploads.delete(file);
    refuse(row, error instanceof Refused ? error.message : failed);
    field.focus();
  } finally {
    status.textContent = "";
    button.disabled = false;
  }
});

// An answer that is the same as what is shown is not put in: a screen reader would say it again.
const refresh = async () => {
  while (document.querySelector("#progress[data-open]")) {
    await wait(PAUSE);
    if (document.hidden) continue;
    try {
      const answer = await fetch(location.href, { redirect: "error" });
      if (!answer.ok) continue;
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const [shown, now] = [document, page].map((where) => where.querySelector("#progress"));
      if (now && now.outerHTML !== shown.outerHTML) shown.replaceWith(document.adoptNode(now));
    } catch {
      // asked again in a moment
    }
  }
};
refresh();

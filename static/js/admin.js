// Names and roles for select2, which has none of its own: its fields are called like the label of their select.
const nameFields = () => {
  for (const select of document.querySelectorAll("select.admin-autocomplete")) {
    const name = select.labels[0]?.textContent.replace(/:\s*$/, "").trim() ?? "";
    const parts = select.nextElementSibling?.querySelectorAll(".select2-selection__rendered, .select2-search__field");
    for (const part of parts ?? []) part.setAttribute("aria-label", name);
  }
};

// After Django's own script, which makes the fields once jQuery is ready.
window.django?.jQuery?.(nameFields);

// The list and the field to search in are made when they open.
addEventListener("focusin", ({ target }) => {
  if (!target.matches(".select2-search--dropdown .select2-search__field")) return;
  const list = target.closest(".select2-dropdown").querySelector("[role=listbox]");
  const field = document.querySelector(".select2-container--open .select2-selection");
  const name = field?.querySelector(".select2-selection__rendered")?.getAttribute("aria-label") ?? "";
  field?.setAttribute("aria-controls", list.id);
  for (const part of [target, list]) part.setAttribute("aria-label", name);
  const container = target.closest(".select2-container");
  container.setAttribute("role", "region");
  container.setAttribute("aria-label", name);
});

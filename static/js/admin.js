// Names for the fields of select2, which has none of its own: each is called like the label of its select.
const nameFields = () => {
  for (const select of document.querySelectorAll("select.admin-autocomplete[data-select2-id]")) {
    const name = select.labels[0]?.textContent.replace(/:\s*$/, "").trim();
    const parts = select.nextElementSibling?.querySelectorAll(".select2-selection__rendered, .select2-search__field");
    for (const part of name && parts ? parts : []) part.setAttribute("aria-label", name);
  }
};

addEventListener("load", nameFields);
// The field to search in is made when the list opens.
addEventListener("focusin", ({ target }) => {
  if (!target.matches(".select2-search--dropdown .select2-search__field")) return;
  const open = document.querySelector(".select2-container--open .select2-selection__rendered");
  const name = open?.getAttribute("aria-label") ?? "";
  target.setAttribute("aria-label", name);
  target.closest(".select2-dropdown").querySelector("[role=listbox]").setAttribute("aria-label", name);
});

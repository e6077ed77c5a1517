// What a finger or a mouse has to hit, and is smaller than `least`. A link inside a sentence may be as tall as its
// line. A small box counts as larger when the points around its middle still hit it (a label, a link over a row).
(least) => {
  const selector = "a[href], button, input:not([type=hidden]), select, textarea, summary";
  const inSentence = (link) =>
    link.tagName === "A" &&
    getComputedStyle(link).display === "inline" &&
    [...link.parentElement.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.textContent.trim().length > 2);
  const hits = (target, x, y) => {
    const found = document.elementFromPoint(x, y);
    if (!found) return false;
    const owner = found.closest("label")?.control ?? found;
    return target === found || target.contains(found) || owner === target;
  };
  const small = [];
  for (const target of document.querySelectorAll(selector)) {
    if (!target.checkVisibility({ visibilityProperty: true }) || target.matches(".skip")) continue;
    const area = target.labels?.length && ["checkbox", "radio"].includes(target.type) ? target.labels[0] : target;
    let box = area.getBoundingClientRect();
    if (box.width >= least - 0.5 && box.height >= least - 0.5) continue;
    if (inSentence(target)) continue;
    area.scrollIntoView({ block: "center" });
    box = area.getBoundingClientRect();
    const [x, y, half] = [box.x + box.width / 2, box.y + box.height / 2, least / 2 - 1];
    const wide = box.width >= least - 0.5 || (hits(target, x - half, y) && hits(target, x + half, y));
    const tall = box.height >= least - 0.5 || (hits(target, x, y - half) && hits(target, x, y + half));
    if (!wide || !tall) {
      small.push(`${Math.round(box.width)}x${Math.round(box.height)} ${target.outerHTML.replace(/\s+/g, " ").slice(0, 110)}`);
    }
  }
  return small;
};

"use strict";
(() => {
  const signs = [...document.querySelectorAll(".grid a.sign")];
  const panel = document.body.appendChild(Object.assign(document.createElement("div"), { id: "evidence", hidden: true }));
  panel.setAttribute("role", "tooltip");
  let shown = null, pinned = false, leaving = 0;

  const element = (name, text) => Object.assign(document.createElement(name), { textContent: text });

  function line(row) {
    const table = row.closest("table"), item = element("li", "");
    const heads = [...table.tHead.rows[0].cells].map((cell) => cell.textContent);
    item.append(...[...row.cells[0].childNodes].map((node) => node.cloneNode(true)));
    const said = [...row.cells].filter((cell) => cell.className === "said").map((cell) => {
      const head = heads[cell.cellIndex];
      return ["platform", "date"].includes(head) ? cell.textContent : `${head} ${cell.textContent}`;
    });
    item.append(": " + said.join(", "));
    return item;
  }

  function show(sign) {
    clearTimeout(leaving);
    if (shown !== sign) hide();
    const rows = sign.dataset.rows.split(" ").map((id) => document.getElementById(id));
    const list = element("ul", "");
    list.append(...rows.map(line));
    panel.replaceChildren(element("p", sign.getAttribute("aria-label")), list,
      element("div", rows[0].closest("table").caption.textContent));
    panel.hidden = false;
    sign.setAttribute("aria-describedby", panel.id);
    shown = sign;
    const at = sign.getBoundingClientRect(), size = panel.getBoundingClientRect();
    const room = document.documentElement.clientWidth;
    const below = at.bottom + 8 + size.height <= document.documentElement.clientHeight;
    panel.style.setProperty("--x", `${scrollX + Math.max(8, Math.min(at.left, room - size.width - 8))}px`);
    panel.style.setProperty("--y", `${scrollY + (below ? at.bottom + 8 : Math.max(8 - scrollY, at.top - size.height - 8))}px`);
  }

  function hide() {
    shown?.removeAttribute("aria-describedby");
    panel.hidden = true;
    shown = null;
    pinned = false;
  }

  const leave = () => { if (!pinned) leaving = setTimeout(() => pinned || hide(), 200); };
  for (const sign of signs) {
    sign.addEventListener("pointerenter", (event) => { if (event.pointerType === "mouse" && !pinned) show(sign); });
    sign.addEventListener("pointerleave", leave);
    sign.addEventListener("focus", () => show(sign));
    sign.addEventListener("blur", leave);
    sign.addEventListener("click", (event) => {
      // From the keyboard, or with a key held, it is a link to the row like any other.
      if (event.detail === 0 || event.ctrlKey || event.metaKey || event.shiftKey) return;
      event.preventDefault();
      show(sign);
      pinned = true;
    });
  }
  panel.addEventListener("pointerenter", () => clearTimeout(leaving));
  panel.addEventListener("pointerleave", leave);
  document.addEventListener("keydown", (event) => { if (event.key === "Escape") hide(); });
  document.addEventListener("pointerdown", (event) => { if (!event.target.closest("#evidence, .grid a.sign")) hide(); });

  // One stop of the Tab key for each matrix; within it, the arrows go to the next sign that way, the nearest first.
  for (const grid of document.querySelectorAll(".grid")) {
    const own = signs.filter((sign) => grid.contains(sign));
    const place = (sign) => [sign.closest("td").cellIndex, sign.closest("tr").rowIndex];
    const ways = { ArrowRight: [0, 1], ArrowLeft: [0, -1], ArrowDown: [1, 1], ArrowUp: [1, -1] };
    const enter = (sign) => { for (const one of own) one.tabIndex = one === sign ? 0 : -1; };
    enter(own[0]);
    grid.addEventListener("focusin", (event) => enter(event.target));
    grid.addEventListener("keydown", (event) => {
      let next = { Home: own[0], End: own[own.length - 1] }[event.key];
      if (event.key in ways) {
        const [along, way] = ways[event.key], from = place(event.target);
        const far = (sign, side) => Math.abs(place(sign)[side] - from[side]);
        const rank = (sign) => 1000 * far(sign, 1 - along) + far(sign, along);
        next = own.filter((sign) => (place(sign)[along] - from[along]) * way > 0)
          .sort((one, other) => rank(one) - rank(other))[0];
      }
      if (!next && !(event.key in ways)) return;
      event.preventDefault();
      next?.focus();
    });
  }

  // A row that is linked to is shown, and so is everything on paper.
  const open = () => {
    const row = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (row?.closest("details")) { row.closest("details").open = true; row.scrollIntoView({ block: "center" }); }
  };
  addEventListener("hashchange", open);
  open();
  addEventListener("beforeprint", () => { for (const one of document.querySelectorAll("details")) one.open = true; });

  const index = document.getElementById("index");
  const label = Object.assign(element("label", "Only about "), { className: "filter" });
  const wanted = label.appendChild(Object.assign(document.createElement("input"), { type: "search", placeholder: "a project, an id or a word" }));
  index.before(label);
  wanted.addEventListener("input", () => {
    hide();
    const words = wanted.value.toLowerCase().split(/\s+/);
    for (const entry of index.tBodies[0].rows) {
      const section = document.getElementById(entry.dataset.for);
      const text = [...section.querySelectorAll("h2, .terms")].map((one) => one.textContent).join(" ").toLowerCase();
      entry.hidden = section.hidden = !words.every((word) => text.includes(word));
    }
  });
})();

"use strict";
// The page's only program. Text reaches the page through textContent alone, never as markup.
(() => {
  const data = JSON.parse(document.getElementById("data").textContent);
  const ROWS = -1; // in place of a column's number: the rows of the relation
  const MAX_MATCHES = 50;
  const MAX_LISTED = 300;
  const byId = (id) => document.getElementById(id);
  const key = (relation, column) => `${relation}:${column}`;

  const edges = data.edges.map(([sr, sc, tr, tc, direct, subtype, expression, place, statement]) => (
    { sr, sc, tr, tc, source: key(sr, sc), target: key(tr, tc), direct, subtype, expression, place, statement }));
  const into = new Map();
  const outOf = new Map();
  edges.forEach((edge, number) => {
    for (const [map, end] of [[into, edge.target], [outOf, edge.source]]) {
      if (!map.has(end)) map.set(end, []);
      map.get(end).push(number);
    }
  });

  const nameOf = (relation, column) => {
    const [label, , columns] = data.relations[relation];
    if (column === null) return label;
    return `${label}.${column === ROWS ? "[rows]" : columns[column]}`;
  };
  const ends = (relation) => [ROWS, ...data.relations[relation][2].keys()].map((column) => key(relation, column));

  // Views: the drawings, with the element of each end and the line of each edge.
  const views = Object.entries(data.views).map(([name, { boxes, rows, links }]) => {
    const svg = byId(name);
    const find = (id) => byId(`${name}-${id}`);
    const view = { name, svg, boxes: [], parts: new Map(), links: new Map(), whole: svg.viewBox.baseVal };
    view.whole = { x: view.whole.x, y: view.whole.y, width: view.whole.width, height: view.whole.height };
    boxes.forEach((relation, number) => {
      view.boxes[relation] = find(`b${number}`);
      for (const [part, column] of [["h", ROWS], ...rows[number].map((one, at) => [`c${at}`, one])]) {
        const element = find(`b${number}${part}`);
        view.parts.set(key(relation, column), element);
        element.addEventListener("click", () => dragged || select(relation, part === "h" ? null : column));
      }
    });
    links.forEach(([from, to], number) => view.links.set(`${from}>${to}`, find(`e${number}`)));
    return view;
  });
  const linkOf = (view, edge) => view.links.get(view.name === "columns"
    ? `${edge.source}>${edge.target}` : `${key(edge.sr, ROWS)}>${key(edge.tr, ROWS)}`);
  let view = null;

  // Paths: everything upstream or downstream of some ends, nearest first.
  const showsIndirect = () => byId("indirect").checked;

  function walk(starts, isUp, withIndirect) {
    const seen = new Set(starts);
    const found = new Map();
    for (let front = [...starts], depth = 1; front.length; depth++) {
      const next = [];
      for (const end of front) {
        for (const number of (isUp ? into : outOf).get(end) ?? []) {
          const edge = edges[number];
          if (!edge.direct && !withIndirect) continue;
          if (!found.has(number)) found.set(number, depth);
          for (const other of reach(edge, isUp, withIndirect)) {
            if (!seen.has(other)) { seen.add(other); next.push(other); }
          }
        }
      }
      front = next;
    }
    return found;
  }

  // What decides the rows of a relation decides its every column.
  function reach(edge, isUp, withIndirect) {
    if (isUp) return withIndirect ? [edge.source, key(edge.sr, ROWS)] : [edge.source];
    return edge.tc === ROWS ? ends(edge.tr) : [edge.target];
  }

  // Selection and highlight.
  let selection = null;
  let statement = null;

  function select(relation, column) {
    selection = { relation, column };
    statement = null;
    refresh();
  }

  function refresh() {
    let lit = null;
    let parts = new Set();
    const path = byId("path");
    path.replaceChildren();
    if (selection) {
      const { relation, column } = selection;
      const starts = column === null ? ends(relation) : [key(relation, column)];
      parts = new Set(starts);
      lit = new Set();
      path.append(element("h2", nameOf(relation, column)), element("p", data.relations[relation][1], "note"));
      for (const [title, isUp] of [["Upstream", true], ["Downstream", false]]) {
        const all = walk(isUp ? [...starts, key(relation, ROWS)] : starts, isUp, true);
        const found = showsIndirect() ? all : walk(starts, isUp, false);
        for (const number of found.keys()) lit.add(number);
        list(path, title, found, all.size - found.size);
      }
    } else if (statement !== null) {
      lit = new Set(edges.keys());
      edges.forEach((edge, number) => edge.statement === statement || lit.delete(number));
      list(path, `Statement ${statement + 1}`, new Map([...lit].map((number) => [number, 0])));
    } else {
      path.append(element("p", "Click a column or a table to see where it comes from and where it goes.", "note"));
    }
    for (const number of lit ?? []) parts.add(edges[number].source).add(edges[number].target);
    views.forEach((one) => paint(one, lit, parts));
    for (const row of document.querySelectorAll("tr[data-statement]")) {
      row.classList.toggle("on", statement === Number(row.dataset.statement));
    }
  }

  function paint(one, lit, parts) {
    one.svg.classList.toggle("focused", lit !== null);
    for (const marked of one.svg.querySelectorAll(".on, .selected")) marked.classList.remove("on", "selected");
    if (lit === null) return;
    for (const number of lit) linkOf(one, edges[number])?.classList.add("on");
    for (const part of parts) {
      one.parts.get(part)?.classList.add("on");
      one.boxes[Number(part.split(":")[0])]?.classList.add("on");
    }
    if (selection) one.parts.get(key(selection.relation, selection.column ?? ROWS))?.classList.add("selected");
  }

  function element(tag, text, className = "") {
    const made = document.createElement(tag);
    made.textContent = text;
    if (className) made.className = className;
    return made;
  }

  function list(parent, title, found, hidden = 0) {
    parent.append(element("h2", `${title} (${found.size})`));
    const items = document.createElement("ul");
    for (const [number, depth] of [...found].slice(0, MAX_LISTED)) {
      const edge = edges[number];
      const item = element("li", "", edge.direct ? "direct" : "indirect");
      item.append(element("b", edge.direct ? "\u2192 " : "\u21e2 "), `${nameOf(edge.sr, edge.sc)} \u2192 `,
        nameOf(edge.tr, edge.tc), element("span", ` ${edge.subtype}${depth ? `, step ${depth}` : ""} ${edge.place}`, "note"));
      if (edge.expression) item.append(element("code", edge.expression));
      items.append(item);
    }
    if (found.size > MAX_LISTED) items.append(element("li", `+${found.size - MAX_LISTED} more`, "note"));
    if (hidden) items.append(element("li", `+${hidden} with what only decides`, "note"));
    parent.append(items);
  }

  // Pan and zoom: the picture's viewBox.
  let dragged = false;

  function show(box) {
    view.box = box;
    view.svg.setAttribute("viewBox", `${box.x} ${box.y} ${box.width} ${box.height}`);
  }

  function zoom(factor, at = { x: view.box.x + view.box.width / 2, y: view.box.y + view.box.height / 2 }) {
    const { x, y, width, height } = view.box;
    show({ x: at.x - (at.x - x) * factor, y: at.y - (at.y - y) * factor, width: width * factor, height: height * factor });
  }

  function pointOf(event) {
    const point = new DOMPoint(event.clientX, event.clientY);
    return point.matrixTransform(view.svg.getScreenCTM().inverse());
  }

  // At most 1.5 times its drawn size, so that a small drawing does not become huge.
  function fit() {
    const { x, y, width, height } = view.whole;
    const room = view.svg.getBoundingClientRect();
    const least = room.width ? room.width / 2 : width;
    const wide = Math.max(width, least);
    show({ x: x - (wide - width) / 2, y, width: wide, height });
  }

  function centre(relation, column) {
    const part = view.parts.get(key(relation, column ?? ROWS)) ?? view.boxes[relation];
    if (!part) return;
    const room = view.svg.getBoundingClientRect();
    const here = part.getBoundingClientRect();
    const middle = pointOf({ clientX: here.x + here.width / 2, clientY: here.y + here.height / 2 });
    const [width, height] = [room.width, room.height];
    show({ x: middle.x - width / 2, y: middle.y - height / 2, width, height });
  }

  function use(name) {
    view = views.find((one) => one.name === name) ?? view;
    views.forEach((one) => { one.svg.toggleAttribute("hidden", one !== view); });
    if (!view.box) fit();
  }

  function listenToPointer({ svg }) {
    let last = null;
    svg.addEventListener("wheel", (event) => {
      event.preventDefault();
      zoom(Math.exp(event.deltaY * 0.0015), pointOf(event));
    }, { passive: false });
    svg.addEventListener("pointerdown", (event) => { last = event; dragged = false; });
    window.addEventListener("pointermove", (event) => {
      if (!last) return;
      if (Math.abs(event.clientX - last.clientX) + Math.abs(event.clientY - last.clientY) < 4 && !dragged) return;
      dragged = true;
      const [from, to] = [pointOf(last), pointOf(event)];
      show({ ...view.box, x: view.box.x + from.x - to.x, y: view.box.y + from.y - to.y });
      last = event;
    });
    window.addEventListener("pointerup", () => { last = null; });
  }

  // Search.
  const names = data.relations.flatMap(([label, , columns], relation) => [
    { text: label, relation, column: null },
    ...columns.map((column, at) => ({ text: `${label}.${column}`, relation, column: at })),
  ]);

  function find() {
    const words = byId("words").value.trim().toLowerCase();
    const found = words ? names.filter(({ text }) => text.toLowerCase().includes(words)) : [];
    const items = found.slice(0, MAX_MATCHES).map(({ text, relation, column }) => {
      const item = document.createElement("li");
      const button = element("button", text);
      button.type = "button";
      button.addEventListener("click", () => go(relation, column));
      item.append(button);
      return item;
    });
    if (found.length > MAX_MATCHES) items.push(element("li", `+${found.length - MAX_MATCHES} more`, "note"));
    if (words && !found.length) items.push(element("li", "nothing found", "note"));
    byId("matches").replaceChildren(...items);
    return found;
  }

  function go(relation, column) {
    byId("matches").replaceChildren();
    select(relation, column);
    if (view) centre(relation, column);
  }

  byId("words").addEventListener("input", find);
  byId("search").addEventListener("submit", (event) => {
    event.preventDefault();
    const [first] = find();
    if (first) go(first.relation, first.column);
  });
  byId("indirect").addEventListener("change", refresh);
  for (const row of document.querySelectorAll("tr[data-statement]")) {
    const choose = () => { statement = Number(row.dataset.statement); selection = null; refresh(); };
    row.addEventListener("click", choose);
    row.addEventListener("keydown", (event) => event.key === "Enter" && choose());
  }
  document.addEventListener("keydown", (event) => {
    if (event.key !== "Escape") return;
    selection = statement = null;
    byId("matches").replaceChildren();
    refresh();
  });
  if (views.length) {
    for (const choice of document.querySelectorAll("input[name=view]")) {
      choice.addEventListener("change", () => use(choice.value));
    }
    byId("in").addEventListener("click", () => zoom(1 / 1.3));
    byId("out").addEventListener("click", () => zoom(1.3));
    byId("fit").addEventListener("click", fit);
    views.forEach(listenToPointer);
    use(views[0].name);
  }
  refresh();
})();

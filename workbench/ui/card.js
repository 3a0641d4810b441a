// One row at a time, answered by keyboard or mouse. All foreign text is set as textContent.

const STATES = new Map(); // by session, task and reviewer: they outlive the element they are drawn in
const VIEWS = new WeakMap(); // by element
const GUARD = 400; // ms in which keys do nothing after the card changed by itself: nobody labels a row unseen
const LISTED = 100; // classes listed at once
const LOADING = "Loading the next rows.";
const TYPING =
  "textarea, select, [contenteditable]:not([contenteditable=false]), [role=dialog], [role=listbox], [role=menu], " +
  "input:not([type=checkbox], [type=radio], [type=button])";

let active = null;
document.addEventListener("keydown", (event) => active?.onKey(event));
document.addEventListener("visibilitychange", () => active?.state.pause(document.hidden));
setInterval(() => active?.state.remind(), 1000);

export default function ({ data, parentElement, setStateValue }) {
  const key = [data.session, data.task, data.reviewer].join("\n");
  if (!STATES.has(key)) STATES.set(key, new State(data.task, data.reviewer));
  const fresh = !VIEWS.has(parentElement);
  if (fresh) VIEWS.set(parentElement, new View(parentElement));
  const view = VIEWS.get(parentElement);
  const state = STATES.get(key);
  state.out = (log) => setStateValue("log", log);
  active = view;
  view.state = state;
  state.take(data);
  if (state.missing().length || (fresh && state.log.length)) state.send();
  view.draw();
  return () => {
    if (active === view) active = null;
  };
}

class View {
  constructor(parent) {
    this.root = parent.querySelector(".review");
    for (const element of this.root.querySelectorAll("[data-as]")) this[element.dataset.as] = element;
    for (const [name, act] of Object.entries(this.acts())) this[name].addEventListener("click", act);
    this.keys.checked = localStorage.getItem("workbench review keys") !== "off";
    this.keys.addEventListener("change", () => localStorage.setItem("workbench review keys", this.keys.checked ? "on" : "off"));
    for (const field of [this.failure, this.note]) {
      field.addEventListener("keydown", (event) => ["Enter", "Escape"].includes(event.key) && this.leaveField(field));
    }
    this.search.addEventListener("input", () => this.list());
    this.search.addEventListener("keydown", (event) => this.onSearchKey(event));
    this.found.addEventListener("click", (event) => this.pick(event.target.closest("[role=option]")));
  }

  acts() {
    return {
      unsure: () => this.answer("unsure"),
      skip: () => this.answer("skip"),
      undo: () => this.undoLast(),
      other: () => this.openSearch(),
      retry: () => this.state.send(),
      leave: () => this.do(() => this.state.leave(), this.said() ? "Left as it was." : "Left unanswered."),
    };
  }

  onKey(event) {
    const target = event.composedPath()[0];
    const busy = target instanceof Element && target.closest(TYPING);
    if (busy || event.ctrlKey || event.metaKey || event.altKey || event.isComposing || event.repeat) return;
    if (!this.keys.checked || !this.root.isConnected) return;
    const label = /^[1-9]$/.test(event.key) ? this.labels()[Number(event.key) - 1] : undefined;
    const act = {
      u: this.acts().unsure,
      s: this.acts().skip,
      z: this.acts().undo,
      f: () => this.failure.focus(),
      n: () => this.note.focus(),
      "/": this.many() ? this.acts().other : undefined,
      Escape: this.again() ? this.acts().leave : undefined,
    }[event.key.length === 1 ? event.key.toLowerCase() : event.key];
    if (label === undefined && act === undefined) return;
    event.preventDefault();
    if (label === undefined) act();
    else this.answer("label", label);
  }

  labels() {
    return this.state.data.labels;
  }

  many() {
    return this.labels().length > 9;
  }

  again() {
    return this.state.front.includes(this.state.current);
  }

  said() {
    return this.state.standing().find((entry) => entry.row === this.state.current);
  }

  answer(kind, label = null) {
    const state = this.state;
    if (!state.card) return;
    if (performance.now() - state.guarded < GUARD) {
      this.say("Not taken: the row changed just now. Answer again.");
      return;
    }
    const said = label ?? kind;
    this.do(() => state.answer(kind, label, this.failure.value.trim(), this.note.value.trim()), `${said}.`);
  }

  undoLast() {
    let last = null;
    this.do(() => (last = this.state.undo()), "");
    this.say(last === null ? "There is nothing to undo." : `Taken back: ${last.label ?? last.kind}. ${this.announced()}`);
  }

  // Change the state, draw what it is now, and tell a screen reader.
  do(change, said) {
    if (this.state.data.error) {
      this.say("Not done: what you answered is not saved yet. Press Try again.");
      return;
    }
    change();
    this.state.notices = [];
    this.draw();
    this.reveal();
    this.say(`${said} ${this.announced()}`);
  }

  // Scroll back to the head of the card where it is out of sight.
  reveal() {
    if (this.why.getBoundingClientRect().top < 0) this.root.scrollIntoView({ block: "start" });
  }

  leaveField(field) {
    field.blur();
    this.reveal();
  }

  announced() {
    const card = this.state.card;
    if (!card) return this.state.ended() ? this.state.data.ended : LOADING;
    return `Next: ${card.text.map(([piece]) => piece).join("").slice(0, 300) || card.excerpt}`;
  }

  say(text) {
    this.live.textContent = text;
  }

  draw() {
    const { state } = this;
    const { data, card } = state;
    const said = this.said()?.id;
    const drawn = [state.current, card?.seen, said, data.show, data.labels, this.again(), state.ended(), card?.blind].join("\n");
    if (drawn !== this.drawn) {
      this.drawn = drawn;
      this.drawCard(card);
      this.drawLabels();
    }
    this.drawCounts();
    this.drawHistory();
    this.problem.hidden = !data.error;
    this.why_not.textContent = `${state.log.length ? "Not saved, but kept in this browser: " : ""}${data.error}`;
    this.notice.hidden = state.notices.length === 0;
    this.notice.textContent = state.notices.join(" ");
  }

  drawCard(card) {
    const { state } = this;
    const said = this.said();
    this.failure.value = said?.failure_mode ?? "";
    this.note.value = said?.note ?? "";
    this.text.scrollTop = 0;
    const pieces = card ? card.text : [[state.ended() ? state.data.ended : LOADING, false]];
    this.text.replaceChildren(...pieces.map(([piece, found]) => make(found ? "mark" : "span", piece)));
    this.text.hidden = Boolean(card) && card.text.length === 0;
    this.row.textContent = card ? `row ${state.current}` : "";
    this.before.hidden = !(card && this.again());
    this.before_text.textContent = said ? `You said ${said.label ?? said.kind}. A new answer replaces it.` : "Taken back.";
    this.leave_text.textContent = said ? "Leave as it was" : "Leave it unanswered";
    const open = Boolean(card) && !card.measures && (state.data.show || Boolean(said));
    const more = open && !card.blind.startsWith(card.reason.replace(/\.$/, "")); // `Drawn at random.` says less than from what
    this.why.textContent = more ? card.reason : (card?.blind ?? "");
    const fields = card ? card.fields.filter(([, , , isVote]) => open || !isVote) : [];
    const cells = fields.map(([name, value, found]) => row(make("dt", name), make("dd", value, found ? "found" : "")));
    this.fields.replaceChildren(...cells);
    this.fields.hidden = cells.length === 0;
    this.evidence.hidden = !open;
    if (open) this.drawEvidence(card);
    for (const field of [this.unsure, this.skip, this.other]) field.disabled = !card;
    for (const field of [this.classes, this.more]) field.hidden = state.ended();
  }

  drawEvidence(card) {
    const share = ([label, probability]) => `${label} ${percent(probability)}`;
    this.model.textContent = card.model.length ? card.model.map(share).join(", ") : "no answer: no function votes here";
    const votes = card.votes.map(([name, label]) => row(make("dt", name), make("dd", label)));
    this.votes.replaceChildren(...votes);
    this.votes.hidden = votes.length === 0;
  }

  drawLabels() {
    const shown = this.labels().slice(0, 9);
    const names = shown.join("\n");
    if (this.classes.dataset.names !== names) {
      this.classes.dataset.names = names;
      this.classes.replaceChildren(...shown.map((label, place) => this.button(label, place + 1)));
    }
    for (const button of this.classes.children) button.disabled = !this.state.card;
    this.other.hidden = !this.many();
    this.other_text.textContent = `All ${this.labels().length} classes`;
    this.modes.replaceChildren(...this.state.data.modes.map((mode) => Object.assign(make("option", ""), { value: mode })));
  }

  button(label, key) {
    const made = make("button", label, "label");
    made.type = "button";
    made.prepend(Object.assign(make("kbd", String(key)), { ariaHidden: "true" }));
    made.setAttribute("aria-keyshortcuts", String(key));
    made.addEventListener("click", () => this.answer("label", label));
    return made;
  }

  drawCounts() {
    const { data, log } = this.state;
    const { done, left } = this.state.progress();
    this.progress.max = Math.max(done + left, 1);
    this.progress.value = done;
    this.counted.textContent = `${number(done)} of ${number(done + left)} rows decided, by all reviewers`;
    this.saved.textContent = `${number(data.saved)} saved`;
    this.unsaved.textContent = `${number(log.length)} unsaved`;
    this.unsaved.classList.toggle("behind", log.length > 0);
  }

  drawHistory() {
    const last = this.state.standing().slice(0, 10);
    const drawn = JSON.stringify(last.map((entry) => [entry.id, this.cards(entry)?.seen]));
    this.none.hidden = last.length > 0;
    this.undo.disabled = last.length === 0;
    if (drawn === this.past.dataset.drawn) return;
    this.past.dataset.drawn = drawn;
    this.past.replaceChildren(...last.map((entry) => row(this.pastButton(entry), null, "li")));
  }

  cards(entry) {
    return this.state.cards.get(entry.row);
  }

  pastButton(entry) {
    const card = this.cards(entry);
    const made = make("button", "", "past");
    made.type = "button";
    const [best] = card?.model ?? [];
    const model = best ? `model: ${best[0]} ${percent(best[1])}` : "";
    made.append(make("b", entry.label ?? entry.kind), make("span", entry.excerpt ?? card?.excerpt ?? entry.row), make("i", model));
    made.title = "Open again";
    made.addEventListener("click", () => {
      this.do(() => this.state.open(entry.row), "Opened again.");
      this.text.focus({ preventScroll: true });
    });
    return made;
  }

  openSearch() {
    if (!this.state.card) return;
    this.finder.hidden = false;
    this.search.value = "";
    this.list();
    this.search.focus();
  }

  list() {
    const wanted = fold(this.search.value).split(" ").filter(Boolean);
    const rank = (label) => {
      const name = fold(label);
      if (!wanted.every((word) => name.includes(word))) return null;
      if (wanted.length === 0) return [...this.state.recent, label].indexOf(label) - 9; // what was used last comes first
      return name.startsWith(wanted[0]) ? 0 : name.includes(` ${wanted[0]}`) ? 1 : 2;
    };
    const ranked = this.labels().map((label, place) => [rank(label), place, label]);
    const found = ranked.filter(([at]) => at !== null).sort((a, b) => a[0] - b[0] || a[1] - b[1]);
    const options = found.slice(0, LISTED).map(([, place, label]) => {
      const option = make("li", label);
      Object.assign(option, { id: `class-${place}`, role: "option" });
      return option;
    });
    this.found.replaceChildren(...options);
    this.found.hidden = options.length === 0;
    this.found_none.hidden = options.length > 0;
    this.mark(options[0]);
  }

  mark(option) {
    for (const one of this.found.children) one.ariaSelected = String(one === option);
    if (option) this.search.setAttribute("aria-activedescendant", option.id);
    else this.search.removeAttribute("aria-activedescendant");
    option?.scrollIntoView({ block: "nearest" });
  }

  onSearchKey(event) {
    const options = [...this.found.children];
    const at = options.findIndex((one) => one.ariaSelected === "true");
    const step = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (step) this.mark(options.at((at + step) % options.length));
    else if (event.key === "Enter" && !event.isComposing) this.pick(options[at]);
    else if (event.key === "Escape" || event.key === "Tab") this.closeSearch();
    else return;
    if (event.key !== "Tab") event.preventDefault();
    event.stopPropagation();
  }

  pick(option) {
    if (!option) return;
    this.closeSearch();
    this.answer("label", option.textContent);
  }

  closeSearch() {
    this.finder.hidden = true;
    this.other.focus({ preventScroll: true });
  }
}

function make(tag, text, className = "") {
  const element = document.createElement(tag);
  element.textContent = text;
  if (className) element.className = className;
  return element;
}

function row(first, second, tag = "div") {
  const element = document.createElement(tag);
  element.append(...[first, second].filter(Boolean));
  return element;
}

function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase().replace(/[\s_./-]+/g, " ").trim();
}

function percent(share) {
  return `${Math.round(share * 100)} %`;
}

function number(value) {
  return value.toLocaleString("en-GB");
}

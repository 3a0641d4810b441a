// What a reviewer answers, as an append-only log, and what there is to answer.
//
// The next row is there at once; the whole log that the server has not yet acknowledged is sent with each change and kept in
// localStorage, so that neither a lost message nor a reload loses an entry. Sending twice does no harm: an entry has an id, under
// which it is stored once. This file and card.js are one module.

const PATIENCE = 4000; // ms until what was not acknowledged is sent again

class State {
  constructor(task, reviewer) {
    this.prefix = ["workbench review", task, reviewer, ""].join("\n");
    this.log = this.kept(); // what is not yet acknowledged, oldest first
    this.cards = new Map();
    this.queue = [];
    this.front = []; // rows that were opened again, which go before the queue
    this.current = null;
    this.notices = []; // what was not kept, shown until the next answer
    this.heard = 0;
    this.recent = [];
    this.sent = 0;
    this.sentAt = 0;
    this.guarded = 0;
    this.restart();
  }

  kept() {
    const keys = Object.keys(localStorage).filter((key) => key.startsWith(this.prefix));
    return keys.map((key) => JSON.parse(localStorage.getItem(key))).sort((a, b) => a.at - b.at);
  }

  take(data) {
    const first = this.data === undefined;
    const seen = this.card?.seen;
    if (!first && data.queue_name !== this.data.queue_name) {
      this.front = [];
      this.current = null;
    }
    this.data = data;
    const done = new Set(data.acked);
    for (const id of done) localStorage.removeItem(this.prefix + id);
    this.log = this.log.filter((entry) => !done.has(entry.id));
    for (const [row, card] of Object.entries(data.cards)) this.cards.set(row, card);
    for (const row of data.gone) this.cards.delete(row);
    if (data.n !== this.heard) this.notices.push(...data.notices);
    this.heard = data.n;
    this.queue = data.queue;
    this.front = this.front.filter((row) => !data.gone.includes(row));
    const before = this.current;
    this.advance();
    this.forget();
    if (!first && before !== null && (before !== this.current || seen !== this.card?.seen)) {
      this.guarded = performance.now();
      this.restart();
    }
  }

  get card() {
    return this.cards.get(this.current);
  }

  // What this reviewer said and did not take back, newest first: what the server knows, and on top what it does not know yet.
  standing() {
    let found = [...(this.data?.history ?? [])];
    for (const entry of this.log) {
      if (entry.kind === "undo") found = found.filter((one) => one.id !== entry.undoes);
      else if (!found.some((one) => one.id === entry.id)) found.unshift(entry);
    }
    return found;
  }

  unsaved() {
    const undone = new Set(this.log.map((entry) => entry.undoes));
    return this.log.filter((entry) => entry.kind !== "undo" && !undone.has(entry.id));
  }

  progress() {
    const answered = new Set(this.unsaved().map((entry) => entry.row));
    const more = this.queue.filter((row) => answered.has(row)).length;
    return { done: this.data.done + more, left: this.data.left - more };
  }

  ended() {
    return this.current === null && this.progress().left <= 0;
  }

  waiting() {
    const answered = new Set(this.unsaved().map((entry) => entry.row));
    return this.queue.filter((row) => !answered.has(row) && !this.front.includes(row));
  }

  // Keep the row that is shown as long as it can be answered, whatever order the server sends.
  advance() {
    const answered = new Set(this.unsaved().map((entry) => entry.row));
    const stays = this.cards.has(this.current) && (this.front.includes(this.current) || !answered.has(this.current));
    if (!stays) this.current = this.front[0] ?? this.waiting()[0] ?? null;
  }

  next() {
    this.current = this.front[0] ?? this.waiting()[0] ?? null;
    this.restart();
  }

  missing() {
    return [...new Set([this.current, ...this.front, ...this.waiting()])].filter((row) => row !== null && !this.cards.has(row));
  }

  forget() {
    const needed = new Set([this.current, ...this.front, ...this.queue, ...this.standing().map((entry) => entry.row)]);
    for (const row of this.cards.keys()) if (!needed.has(row)) this.cards.delete(row);
  }

  answer(kind, label, failure, note) {
    const row = this.current;
    const card = this.card;
    const said = { kind, label, failure_mode: failure, note, shown: card.seen, reason: card.reason };
    this.front = this.front.filter((one) => one !== row);
    if (label !== null) this.recent = [label, ...this.recent.filter((one) => one !== label)].slice(0, 5);
    this.append({ row, ...said, seconds: Math.round(this.seconds() * 10) / 10 });
  }

  undo() {
    const last = this.standing()[0];
    if (last === undefined) return null;
    this.front = [last.row, ...this.front.filter((row) => row !== last.row)];
    this.append({ row: last.row, kind: "undo", undoes: last.id });
    return last;
  }

  open(row) {
    this.front = [row, ...this.front.filter((one) => one !== row)];
    this.next();
    if (this.missing().length) this.send();
  }

  leave() {
    this.front = this.front.filter((row) => row !== this.current);
    this.next();
  }

  append(said) {
    const entry = { id: newId(), at: Date.now(), ...said };
    entry.at = Math.max(entry.at, (this.log.at(-1)?.at ?? 0) + 1); // in order, however fast the keys come
    this.log.push(entry);
    this.next();
    this.send();
    try {
      localStorage.setItem(this.prefix + entry.id, JSON.stringify(entry));
    } catch {
      // full or forbidden: the entry stays in this.log and is sent again, but would not outlive a reload
    }
  }

  send() {
    this.sent += 1; // a log equal to the last one would not be sent
    this.sentAt = performance.now();
    const have = [...this.cards].map(([row, card]) => [row, card.seen]);
    this.out({ n: this.sent, entries: this.log, have, want: this.missing() });
  }

  remind() {
    const waits = this.log.length > 0 || this.missing().length > 0;
    if (waits && !this.data.error && performance.now() - this.sentAt > PATIENCE) this.send();
  }

  restart() {
    this.spent = 0;
    this.since = document.hidden ? null : performance.now();
  }

  pause(hidden) {
    if (hidden) this.spent = this.seconds();
    this.since = hidden ? null : performance.now();
  }

  seconds() {
    return this.spent + (this.since === null ? 0 : (performance.now() - this.since) / 1000);
  }
}

function newId() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

"use strict";
// What each tool makes of a text and its selection: pure functions (text, start, end, …) → the edit
// { start, end, text, from, to }, where ``from`` and ``to`` are the selection afterwards.
globalThis.marks = (() => {
  const LIST = /^([ \t]*(?:>[ \t]?)*[ \t]*)(?:([-*+])|(\d{1,9})([.)]))([ \t]+)(\[[ xX]\][ \t]+)?/;
  const QUOTE = /^[ \t]*(?:>[ \t]?)+/;
  const IDEOGRAPH = /[\p{Script=Han}々〆〇]/u;

  // The whole lines that a selection touches. A selection that ends at the head of a line does not touch that line.
  const lines = (text, start, end) => {
    const last = end > start && text[end - 1] === "\n" ? end - 1 : end;
    const stop = text.indexOf("\n", last);
    return { start: text.lastIndexOf("\n", start - 1) + 1, end: stop < 0 ? text.length : stop };
  };

  const isMarked = (text, start, end, mark) => {
    if (!text.startsWith(mark, end) || text.slice(start - mark.length, start) !== mark) {
      return false;
    }
    // One of the two stars of bold is no italic: 1 and 3 are, 2 is not.
    const before = /\**$/.exec(text.slice(0, start))[0].length;
    return mark !== "*" || before % 2 === 1;
  };

  // Bold, italic: on, or off where the selection stands between the marks or holds them.
  const wrap = (text, start, end, mark, placeholder) => {
    const size = mark.length;
    let chosen = text.slice(start, end);
    if (isMarked(text, start, end, mark)) {
      return { start: start - size, end: end + size, text: chosen, from: start - size, to: end - size };
    }
    if (chosen.length >= 2 * size && isMarked(text, start + size, end - size, mark)) {
      const inner = chosen.slice(size, -size);
      return { start, end, text: inner, from: start, to: start + inner.length };
    }
    // Blanks at the edges stay outside: beside them the mark would be no mark.
    start += chosen.length - chosen.trimStart().length;
    chosen = chosen.trim() || placeholder;
    end = text.slice(start, end).trim() ? start + chosen.length : end;
    return { start, end, text: mark + chosen + mark, from: start + size, to: start + size + chosen.length };
  };

  const longestRun = (text, least) => Math.max(least, ...[...text.matchAll(/`+/g)].map((run) => run[0].length));

  const code = (text, start, end, placeholder) => {
    const chosen = text.slice(start, end);
    if (!chosen.includes("\n")) {
      const own = /^(`+)([^`].*?)\1$/.exec(chosen);
      if (own) return { start, end, text: own[2], from: start, to: start + own[2].length };
      return wrap(text, start, end, "`".repeat(longestRun(chosen, 0) + 1), placeholder);
    }
    const place = lines(text, start, end);
    const inner = text.slice(place.start, place.end);
    const fenced = /^(`{3,})\w*\n([\s\S]*)\n\1$/.exec(inner);
    const fence = "`".repeat(longestRun(inner, 2) + 1);
    const made = fenced ? fenced[2] : `${fence}\n${inner}\n${fence}`;
    return { ...place, text: made, from: place.start, to: place.start + made.length };
  };

  // Every line of the selection through ``change``; a lone caret keeps its place in its line.
  const each = (text, start, end, change) => {
    const place = lines(text, start, end);
    const old = text.slice(place.start, place.end);
    const made = change(old.split("\n")).join("\n");
    if (start === end) {
      const caret = Math.max(place.start, start + made.length - old.length);
      return { ...place, text: made, from: caret, to: caret };
    }
    return { ...place, text: made, from: place.start, to: place.start + made.length };
  };

  const heading = (text, start, end) =>
    each(text, start, end, (all) => {
      const level = /^(#{1,6})[ \t]/.exec(all.find((line) => line.trim()) ?? "")?.[1].length ?? 0;
      const next = level >= 4 ? 0 : Math.max(2, level + 1);
      const mark = next ? `${"#".repeat(next)} ` : "";
      return all.map((line) => (line.trim() || all.length === 1 ? mark + line.replace(/^#{1,6}[ \t]+/, "") : line));
    });

  const list = (text, start, end, kind) =>
    each(text, start, end, (all) => {
      const isSame = (line) => LIST.exec(line)?.[kind === "numbers" ? 3 : 2] !== undefined;
      const full = all.filter((line) => line.trim());
      const isOff = full.length > 0 && full.every(isSame);
      let number = 0;
      return all.map((line) => {
        if (!line.trim() && all.length > 1) return line;
        const indent = /^[ \t]*/.exec(line)[0];
        const rest = line.slice(indent.length).replace(/^(?:[-*+]|\d{1,9}[.)])[ \t]+/, "");
        if (isOff) return indent + rest;
        number += 1;
        return `${indent}${kind === "numbers" ? `${number}.` : "-"} ${rest}`;
      });
    });

  const quote = (text, start, end) =>
    each(text, start, end, (all) => {
      const isOff = all.every((line) => line.startsWith(">"));
      return all.map((line) => (isOff ? line.replace(/^>[ \t]?/, "") : line ? `> ${line}` : all.length === 1 ? "> " : ">"));
    });

  // A block of its own: blank lines around it, as many as are wanting.
  const block = (text, start, end, made, from = 0, to = made.length) => {
    const before = text.slice(0, start);
    const after = text.slice(end);
    const head = !before || before.endsWith("\n\n") ? "" : before.endsWith("\n") ? "\n" : "\n\n";
    const tail = after.startsWith("\n\n") ? "" : after.startsWith("\n") ? "\n" : after ? "\n\n" : "\n";
    const at = start + head.length;
    return { start, end, text: head + made + tail, from: at + from, to: at + to };
  };

  // A passage of its own after the selection: on lines of its own, or within the line.
  const insert = (text, start, end, made, isInline) =>
    isInline ? { start: end, end, text: made, from: end, to: end + made.length } : block(text, end, end, made);

  // An empty table, or the one that a selection of lines with tabs is, as it comes from a spreadsheet.
  const table = (text, start, end, column) => {
    const chosen = text.slice(start, end).replace(/\n+$/, "");
    const isSheet = chosen.includes("\t");
    const rows = isSheet ? chosen.split("\n").map((row) => row.split("\t")) : [[`${column} 1`, `${column} 2`], ["", ""]];
    const width = Math.max(...rows.map((row) => row.length));
    const draw = (row) => `| ${Array.from({ length: width }, (_, at) => (row[at] ?? "").trim().replaceAll("|", "\\|")).join(" | ")} |`;
    const made = [draw(rows[0]), `|${" --- |".repeat(width)}`, ...rows.slice(1).map(draw)].join("\n");
    const at = isSheet ? start : end;
    return block(text, at, end, made, ...(isSheet ? [] : [2, 2 + rows[0][0].length]));
  };

  // The mark where the writer is, the note below everything, where the cursor goes on.
  const footnote = (text, start, end) => {
    const used = [...text.matchAll(/\[\^(\d{1,6})\]/g)].map((match) => Number(match[1]));
    const name = Math.max(0, ...used) + 1;
    const rest = text.slice(end).replace(/\n+$/, "");
    const gap = /(^|\n)\[\^[^\]\n]+\]:[^\n]*$/.test(rest || text.slice(0, end)) ? "\n" : "\n\n";
    const made = `[^${name}]${rest}${gap}[^${name}]: `;
    return { start: end, end: text.length, text: `${made}\n`, from: end + made.length, to: end + made.length };
  };

  // {漢字|かんじ}; where braces would be no ruby (no ideograph) or their bar would end a cell, ｜…《…》.
  const ruby = (text, start, end, base, reading) => {
    const written = text.slice(start, end).split("\n")[0];
    const chosen = written || base;
    const stop = start + written.length;
    const place = lines(text, start, start);
    const isInTable = text.slice(place.start, place.end).trimStart().startsWith("|");
    const isPlain = IDEOGRAPH.test(chosen) && !isInTable && !/[{}|<>&]/.test(chosen);
    const open = isPlain ? `{${chosen}|` : `｜${chosen}《`;
    const at = written ? [open.length, open.length + reading.length] : [1, 1 + chosen.length];
    return { start, end: stop, text: `${open}${reading}${isPlain ? "}" : "》"}`, from: start + at[0], to: start + at[1] };
  };

  const callout = (text, start, end, features, placeholder) => {
    const place = start === end ? { start, end } : lines(text, start, end);
    const inner = text.slice(place.start, place.end) || placeholder;
    if (features.has("callouts")) {
      const quoted = inner.split("\n").map((line) => (line ? `> ${line}` : ">")).join("\n");
      return block(text, place.start, place.end, `> [!NOTE]\n${quoted}`, 12);
    }
    const name = features.has("zenn") ? ":::message" : ":::note";
    return block(text, place.start, place.end, `${name}\n${inner}\n:::`, name.length + 1, name.length + 1 + inner.length);
  };

  // Only what would end the address is written in its code: Japanese stays readable.
  const readable = (url) =>
    url.replace(/[\s<>()\\]/g, (sign) => (sign === "(" ? "%28" : sign === ")" ? "%29" : encodeURIComponent(sign)));
  const label = (text) => text.replace(/[[\]\\]/g, "\\$&").replace(/\s+/g, " ");

  const link = (text, start, end, url, title) => {
    const chosen = text.slice(start, end);
    const name = chosen || label(title);
    const made = `[${name}](${readable(url)})`;
    return chosen || title
      ? { start, end, text: made, from: start + made.length, to: start + made.length }
      : { start, end, text: made, from: start + 1, to: start + 1 };
  };

  const picture = (text, start, end, url, alt, placeholder) => {
    const chosen = label(text.slice(start, end)) || label(alt);
    const name = chosen || placeholder;
    const made = `![${name}](${readable(url)})`;
    const after = start + made.length;
    return { start, end, text: made, from: chosen ? after : start + 2, to: chosen ? after : start + 2 + name.length };
  };

  const isInFence = (text, at) => {
    let fence = "";
    for (const match of text.slice(0, at).matchAll(/^ {0,3}(`{3,}|~{3,})[^\n]*$/gm)) {
      if (!fence) fence = match[1];
      else if (match[1][0] === fence[0] && match[1].length >= fence.length) fence = "";
    }
    return fence !== "";
  };

  // Enter in a list or quotation: the next item, or the end where there is nothing in this one. Null elsewhere.
  const nextItem = (text, start, end) => {
    const place = lines(text, start, start);
    const line = text.slice(place.start, place.end);
    const item = LIST.exec(line);
    const mark = item?.[0] ?? QUOTE.exec(line)?.[0];
    if (start !== end || !mark || start < place.start + mark.trimEnd().length || isInFence(text, place.start)) {
      return null;
    }
    if (!line.slice(mark.length).trim()) {
      const stays = item && QUOTE.test(item[1]) ? item[1] : "";
      return { start: place.start, end: place.end, text: stays, from: place.start + stays.length, to: place.start + stays.length };
    }
    const next = item ? `${item[1]}${item[2] ?? Number(item[3]) + 1 + item[4]}${item[5]}${item[6] ? "[ ] " : ""}` : mark;
    return { start, end, text: `\n${next}`, from: start + 1 + next.length, to: start + 1 + next.length };
  };

  // How far in the item above it makes this one stand: as far as the text of that item.
  const stepOf = (text, at, line) => {
    const indent = /^[ \t]*/.exec(line)[0].length;
    const above = at > 0 ? text.slice(text.lastIndexOf("\n", at - 2) + 1, at - 1) : "";
    const item = LIST.exec(above);
    const own = item && item[1].length === indent ? item : LIST.exec(line);
    return own[0].length - own[1].length - (own[6]?.length ?? 0);
  };

  // Tab in a list. Null where a line of the selection is no item, or none can go further out: there Tab leaves the text.
  const indent = (text, start, end, isOut) => {
    const place = lines(text, start, end);
    const all = text.slice(place.start, place.end).split("\n");
    const isList = all.every((line) => LIST.test(line)) && !isInFence(text, place.start);
    if (!isList || (isOut && !all.some((line) => /^[ \t]/.test(line)))) {
      return null;
    }
    const step = stepOf(text, place.start, all[0]);
    const out = new RegExp(`^(?:\\t| {1,${step}})`);
    return each(text, start, end, () => all.map((line) => (isOut ? line.replace(out, "") : " ".repeat(step) + line)));
  };

  return { wrap, code, heading, list, quote, table, footnote, ruby, callout, link, picture, insert, nextItem, indent };
})();

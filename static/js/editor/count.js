"use strict";
// Characters as readers will see them, and how long they read: the rule of articles/markup/text.py, as far as it can be
// known without rendering. Counted when the writer pauses: a long text costs some milliseconds.
if (globalThis.writing) {
  const { body, root, words, fill } = globalThis.writing;
  const PAUSE = 300;
  const place = root.querySelector('[data-writing="count"]');
  const rates = new Map(words.rates.split(" ").map((pair) => pair.split(":")));

  // What no reader sees, or the count leaves out. Every pattern takes linear time.
  const UNSEEN = [
    [/^ {0,3}(`{3,}|~{3,})[^\n]*\n(?:(?! {0,3}\1)[^\n]*\n)*? {0,3}\1[`~]*[ \t]*$/gm, ""],
    [/^\[[^\]\n^]{1,200}\]:[ \t]+\S+.*$/gm, ""],
    [/\[\^[^\]\n]{1,100}\]:?/g, ""],
    [/!\[[^\]\n]{0,500}\]\([^)\n]{0,2000}\)/g, ""],
    [/\]\([^)\n]{0,2000}\)/g, ""],
    [/\{([^{}|<>\n&]{1,40})(?:\|[^{}|<>\n&]{1,40}){1,40}\}/g, "$1"],
    [/[｜|]([^｜|《》<>\n]{1,60})《[^《》<>\n]{1,60}》/g, "$1"],
    [/^[ \t>]*(?:#{1,6}[ \t]|[-*+][ \t]|\d{1,9}[.)][ \t])?(?:\[[ xX]\][ \t])?/gm, ""],
    [/^\|?[ \t]*:?-{3,}:?[ \t]*(?:\|[ \t]*:?-{3,}:?[ \t]*)*\|?$/gm, ""],
    [/^:::.*$|\[![^\]\n]{1,40}\][+-]?/gm, ""],
    [/<\/?[a-zA-Z][^<>\n]{0,500}>/g, ""],
    [/\*\*|__|~~|==|`|(?<=\S)\*|\*(?=\S)|\[|\]|^\||\|$| \| /gm, ""],
  ];
  const BLANKS = /\s+/g;

  // By hand: a pattern would look for the end of each comment anew where none has one.
  const dropComments = (text) => {
    let rest = "";
    let at = 0;
    for (;;) {
      const start = text.indexOf("<!--", at);
      const end = start < 0 ? -1 : text.indexOf("-->", start + 4);
      if (end < 0) return rest + text.slice(at);
      rest += text.slice(at, start);
      at = end + 3;
    }
  };

  const countCharacters = (text) => {
    const seen = UNSEEN.reduce((rest, [pattern, put]) => rest.replace(pattern, put), dropComments(text)).replace(BLANKS, "");
    // Python counts characters, JavaScript halves of some.
    return seen.length - (seen.match(/[\ud800-\udbff][\udc00-\udfff]/g)?.length ?? 0);
  };

  const countMinutes = (characters) => {
    const language = (document.getElementById("id_language")?.value || words.language).split("-")[0].toLowerCase();
    return Math.max(1, Math.round(characters / Number(rates.get(language) ?? words.rate)));
  };

  const show = () => {
    const characters = countCharacters(body.value);
    const number = characters.toLocaleString(document.documentElement.lang || undefined);
    place.querySelector('[data-part="characters"]').textContent = fill(words.count, { characters: number });
    place.querySelector('[data-part="minutes"]').textContent = fill(words.minutes, { minutes: countMinutes(characters) });
  };

  let timer;
  body.addEventListener("input", () => {
    clearTimeout(timer);
    timer = setTimeout(show, PAUSE);
  });
  document.getElementById("id_language")?.addEventListener("change", show);
  show();
  globalThis.writing.countCharacters = countCharacters;
}

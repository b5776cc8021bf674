// The log over HTTP: pages of lines, the outline, searches. Errors are thrown as FetchError.

/** @typedef {import("./log-lines.js").Line} Line */
/** @typedef {{ first: number, lines: Line[], count: number, complete: string }} LinesAnswer */
/** @typedef {{ first: number, runs: import("./log-outline.js").Run[], count: number }} OutlineAnswer */
/** @typedef {{ hits: number[], searched_to: number, count: number, timed_out: boolean }} SearchAnswer */

export class FetchError extends Error {
  /** @param {string} message @param {number} status 0: no answer at all */
  constructor(message, status) {
    super(message);
    this.status = status;
  }
}

export class LogFetch {
  /** @param {{ lines: string, search: string, outline: string, findings: string }} urls */
  constructor(urls) {
    this.urls = urls;
    /** @type {AbortController | null} */ this.searching = null;
  }

  /** @param {number} after @param {number} limit @returns {Promise<LinesAnswer>} */
  lines(after, limit) {
    return getJson(this.urls.lines, { after, limit });
  }

  /** @param {number} after @returns {Promise<OutlineAnswer>} */
  outline(after) {
    return getJson(this.urls.outline, { after });
  }

  /** @param {number} after @param {number} limit @returns {Promise<import("./log-findings.js").FindingsAnswer>} */
  findings(after, limit) {
    return getJson(this.urls.findings, { after, limit });
  }

  /**
   * Ask for hits after a line; a newer search ends an older one.
   * @param {import("./log-search.js").Query} query
   * @param {string | null} machine
   * @param {number} after
   * @returns {Promise<SearchAnswer>}
   */
  search(query, machine, after) {
    this.searching?.abort();
    this.searching = new AbortController();
    /** @type {Record<string, string | number>} */
    const fields = { q: query.text, after };
    if (query.isRegex) fields["regex"] = 1;
    if (query.isCase) fields["case"] = 1;
    if (machine) fields["machine"] = machine;
    return getJson(this.urls.search, fields, this.searching.signal);
  }
}

/**
 * @param {string} url
 * @param {Record<string, string | number>} fields
 * @param {AbortSignal | null} [signal]
 * @returns {Promise<any>} any: the server's JSON, described by the callers' types
 */
async function getJson(url, fields, signal = null) {
  const query = new URLSearchParams(Object.entries(fields).map(([name, value]) => [name, String(value)]));
  const response = await fetch(`${url}?${query}`, { signal, headers: { Accept: "application/json" } }).catch((error) => {
    throw error.name === "AbortError" ? error : new FetchError("The server does not answer.", 0);
  });
  if (response.ok) return response.json();
  const answer = await response.json().catch(() => ({}));
  throw new FetchError(answer.error ?? `The server answered ${response.status}.`, response.status);
}

"use strict";

/** What answers the page: the server that it came from. */
{
  function headers() {
    const token = document.getElementById("token").value;
    return token ? { Authorization: `Bearer ${token}` } : {};
  }

  /** What the server answers, or an error with its words. */
  async function ask(path, settings = {}) {
    let response;
    try {
      response = await fetch(path, { ...settings, headers: headers() });
    } catch {
      throw new Error("The server does not answer.");
    }
    if (response.ok) return response;
    if (response.status === 401) {
      document.getElementById("secret").hidden = false;
      document.getElementById("token").focus();
      throw new Error("The server asks for its token.");
    }
    const problem = await response.json().catch(() => ({}));
    throw new Error(problem.detail ?? `The server answers ${response.status}.`);
  }

  const of = (model) => `?model=${encodeURIComponent(model)}`;

  window.backend = {
    hint: "JPEG, PNG, GIF, BMP or WebP. They go to this server only, and it keeps none.",
    models: async () => (await (await ask("models")).json()).models,
    async classify(file, model) {
      const form = new FormData();
      form.append("photo", file, file.name || "photo");
      return (await (await ask(`predict${of(model)}`, { method: "POST", body: form })).json()).photos[0];
    },
    explain: async (file, model) => (await ask(`explain${of(model)}`, { method: "POST", body: file })).blob(),
  };
}

// Security keys: what the browser is asked for stands in the form, what the key answers is sent with it.
(function () {
  "use strict";
  function bytes(text) {
    var plain = atob(text.replace(/-/g, "+").replace(/_/g, "/"));
    return Uint8Array.from(plain, function (c) { return c.charCodeAt(0); });
  }
  function text(buffer) {
    var plain = String.fromCharCode.apply(null, new Uint8Array(buffer));
    return btoa(plain).replace(/\+/g, "-").replace(/\//g, "_").replace(/=+$/, "");
  }
  function known(list) {
    return (list || []).map(function (k) { return Object.assign({}, k, { id: bytes(k.id) }); });
  }
  function asked(form) {
    var make = form.dataset.create, options = JSON.parse(make || form.dataset.get);
    options.challenge = bytes(options.challenge);
    if (make) {
      options.user = Object.assign({}, options.user, { id: bytes(options.user.id) });
      options.excludeCredentials = known(options.excludeCredentials);
      return navigator.credentials.create({ publicKey: options });
    }
    options.allowCredentials = known(options.allowCredentials);
    return navigator.credentials.get({ publicKey: options });
  }
  function told(made) {
    var answer = { clientDataJSON: text(made.response.clientDataJSON) };
    ["attestationObject", "authenticatorData", "signature", "userHandle"].forEach(function (name) {
      if (made.response[name]) { answer[name] = text(made.response[name]); }
    });
    return JSON.stringify({
      id: made.id, rawId: text(made.rawId), type: made.type, response: answer,
      clientExtensionResults: made.getClientExtensionResults()
    });
  }
  document.querySelectorAll("form.key").forEach(function (form) {
    if (!window.PublicKeyCredential) { form.hidden = true; return; }
    form.addEventListener("submit", function (event) {
      if (form.elements.key.value) { return; }
      event.preventDefault();
      var note = form.querySelector("[role=alert]");
      note.hidden = true;
      asked(form).then(function (made) {
        form.elements.key.value = told(made);
        form.submit();
      }).catch(function () {
        note.textContent = form.dataset.failed;
        note.hidden = false;
      });
    });
  });
})();

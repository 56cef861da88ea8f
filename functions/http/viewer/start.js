"use strict";

// The document stands beside the page, whatever a gateway puts before both.
window.ui = SwaggerUIBundle({
  url: new URL("openapi.json", window.location.href).href,
  dom_id: "#api",
  deepLinking: true,
  docExpansion: "list",
  filter: true,
  // Nothing is sent to a validator elsewhere.
  validatorUrl: null,
});

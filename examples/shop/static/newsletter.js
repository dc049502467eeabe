// Asks visitors for their e-mail address after a while. Its markup is in a branch of its own.
"use strict";
const banner = document.getElementById("newsletter");
banner.querySelector("button").addEventListener("click", () => banner.remove());
setTimeout(() => { banner.hidden = false; }, 30000);

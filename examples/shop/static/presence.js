// How many visitors are here right now. The shop works without it.
"use strict";
const address = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws/presence";
const socket = new WebSocket(address);
socket.addEventListener("message", (event) => {
  if (event.data === "pong") return;
  const { visitors } = JSON.parse(event.data);
  document.getElementById("visitors").textContent = `· ${visitors} visitor${visitors === 1 ? "" : "s"} here now`;
});

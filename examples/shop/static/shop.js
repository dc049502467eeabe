// The shop works without this file. It shows how many people are here, and when a document is ready.
"use strict";

function watchPresence() {
  const shown = document.getElementById("presence");
  const address = (location.protocol === "https:" ? "wss://" : "ws://") + location.host + "/ws/presence";
  const socket = new WebSocket(address);
  socket.addEventListener("message", (event) => {
    if (event.data === "pong") return;
    const { visitors } = JSON.parse(event.data);
    shown.textContent = visitors === 1 ? "1 person here" : `${visitors} people here`;
  });
  socket.addEventListener("close", () => {
    shown.textContent = "";
    setTimeout(watchPresence, 10000);
  });
}

function watchDocument(row) {
  setTimeout(async () => {
    const answer = await fetch(`/api/documents/${row.dataset.document}`);
    if (answer.ok && (await answer.json()).status === "converting") watchDocument(row);
    else location.assign("/documents");
  }, 500);
}

watchPresence();
const waiting = document.querySelector("[data-status=converting]");
if (waiting) watchDocument(waiting);

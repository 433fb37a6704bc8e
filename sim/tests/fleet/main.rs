//! A fleet against a server of a hundred lines, in virtual time and over UDP.

mod little_server;
mod udp;
mod virtual_time;

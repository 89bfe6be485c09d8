"""What labgrid's exporter starts for a serial port of its machine: called like ser2net, and does here what that does.

Telnet with its options for serial ports (RFC 2217) is spoken by pyserial, which labgrid brings along. The real program is not
asked for: installed by a system's packages, it is a service that listens on the network.
"""

import re
import socket
import sys
import threading

import serial
from serial.rfc2217 import PortManager


class Telnet(PortManager):
    """Without the wires of a modem: a pseudo-terminal has none."""

    def check_modem_lines(self, force_notification=False):
        pass


class Client:
    """Who is connected. Both threads write to it."""

    def __init__(self, connection):
        self.connection = connection
        self.lock = threading.Lock()

    def write(self, data):
        with self.lock:
            self.connection.sendall(data)


def serve(connection, path, speed):
    with connection, serial.Serial(path, speed, timeout=0.05) as port:
        client = Client(connection)
        telnet = Telnet(port, client)
        over = threading.Event()

        def pass_on():
            while not over.is_set():
                client.write(b"".join(telnet.escape(port.read(port.in_waiting or 1))))

        reader = threading.Thread(target=pass_on, daemon=True)
        reader.start()
        while heard := connection.recv(4096):
            port.write(b"".join(telnet.filter(heard)))
        over.set()
        reader.join()


def main():
    if "-v" in sys.argv:
        print("ser2net version 4.3.11")
        return
    order = " ".join(sys.argv)
    listener = socket.create_server(("127.0.0.1", int(re.search(r"telnet\(rfc2217.*\),tcp,(\d+)", order)[1])))
    path, speed = re.search(r"serialdev\(.*?\),([^,]+),(\d+)n81", order).groups()
    while True:
        try:
            serve(listener.accept()[0], path, int(speed))
        except ConnectionError:
            pass


main()

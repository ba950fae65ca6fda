// day2_2 in Java: sockets of IPv6 with addresses of IPv4, and a main thread that is not the first of its process.
import java.io.IOException;
import java.net.InetAddress;
import java.net.InetSocketAddress;
import java.net.ServerSocket;
import java.net.Socket;

public class Echo {
    static void serve(Socket client) {
        try (client) {
            client.getInputStream().transferTo(client.getOutputStream());
        } catch (IOException error) {
            System.err.println("a client is lost: " + error.getMessage());
        }
    }

    public static void main(String[] words) throws InterruptedException {
        String text = words.length == 1 ? words[0] : "";
        int colon = text.lastIndexOf(':');
        String ip = text.substring(0, Math.max(colon, 0)), port = text.substring(colon + 1);
        String octet = "(25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";
        if (!ip.matches(octet + "(\\." + octet + "){3}") || !port.matches("\\d{1,5}") || Integer.parseInt(port) > 65535) {
            System.err.println("usage: ADDRESS:PORT");
            System.exit(2);
        }
        try (ServerSocket listener = new ServerSocket()) {
            listener.setReuseAddress(true);
            listener.bind(new InetSocketAddress(InetAddress.getByName(ip), Integer.parseInt(port)), 128);
            System.out.println("listening " + ip + ":" + listener.getLocalPort());
            while (true) {
                try {
                    serve(listener.accept());
                } catch (IOException error) {
                    Thread.sleep(10);
                }
            }
        } catch (IOException error) {
            System.err.println("cannot listen: " + error.getMessage());
            System.exit(1);
        }
    }
}

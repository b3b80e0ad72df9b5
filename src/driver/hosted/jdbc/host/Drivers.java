package pontoon;

import java.io.File;
import java.net.MalformedURLException;
import java.net.URL;
import java.net.URLClassLoader;
import java.sql.Connection;
import java.sql.Driver;
import java.sql.DriverManager;
import java.sql.SQLException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.List;
import java.util.Map;
import java.util.Properties;
import java.util.ServiceConfigurationError;
import java.util.ServiceLoader;

/** Drivers: on the class path of the process, where classes are found fastest and can be shared, or on one of their own. */
final class Drivers {
    private static final Map<String, ClassLoader> LOADERS = new HashMap<>();

    private Drivers() {}

    private static synchronized ClassLoader loader(String classpath) throws SQLException {
        ClassLoader loader = LOADERS.get(classpath);
        if (classpath.isEmpty()) {
            return ClassLoader.getSystemClassLoader();
        } else if (loader == null) {
            List<URL> places = new ArrayList<>();
            for (String place : classpath.split("\n")) {
                if (!place.isEmpty()) {
                    try {
                        places.add(new File(place).toURI().toURL());
                    } catch (MalformedURLException failure) {
                        throw new SQLException("the class path holds what is no file: " + place, failure);
                    }
                }
            }
            loader = new URLClassLoader("drivers", places.toArray(new URL[0]), ClassLoader.getSystemClassLoader());
            LOADERS.put(classpath, loader);
        }
        return loader;
    }

    static Connection connect(Map<String, String> given) throws Exception {
        String url = given.getOrDefault("url", "");
        ClassLoader loader = loader(given.getOrDefault("classpath", ""));
        Thread.currentThread().setContextClassLoader(loader);
        Driver driver = find(loader, given.get("driver"), url);
        Properties properties = new Properties();
        for (Map.Entry<String, String> entry : given.entrySet()) {
            if (entry.getKey().startsWith("property.")) {
                properties.setProperty(entry.getKey().substring("property.".length()), entry.getValue());
            }
        }
        String timeout = given.get("login_timeout");
        if (timeout != null) {
            // In whole seconds, for all connections of this process: they are of one database.
            DriverManager.setLoginTimeout((int) Math.min(Integer.MAX_VALUE, (Long.parseLong(timeout) + 999) / 1000));
        }
        Connection connection = driver.connect(url, properties);
        if (connection == null) {
            throw none(driver.getClass().getName() + " does not take", url);
        }
        return connection;
    }

    private static Driver find(ClassLoader loader, String name, String url) throws Exception {
        if (name != null) {
            return (Driver) loader.loadClass(name).getDeclaredConstructor().newInstance();
        }
        Iterator<Driver> drivers = ServiceLoader.load(Driver.class, loader).iterator();
        while (true) {
            try {
                if (!drivers.hasNext()) {
                    break;
                }
                Driver driver = drivers.next();
                if (driver.acceptsURL(url)) {
                    return driver;
                }
            } catch (ServiceConfigurationError | LinkageError | SQLException unfit) {
                // A driver that cannot be loaded is not the one that is looked for, or there will be none.
            }
        }
        throw none("no driver on the class path takes", url);
    }

    /** The URL may hold a password: what it begins with is enough to know whose it is. */
    private static SQLException none(String who, String url) {
        int end = url.indexOf(':', "jdbc:".length());
        String kind = end < 0 ? "jdbc:" : url.substring(0, end + 1);
        return new SQLException(who + " a URL that begins with " + kind, new ClassNotFoundException("java.sql.Driver"));
    }
}

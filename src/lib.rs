//! One library for every database that has a blocking driver.

"""What notifiers would send: sample messages, notifiers without their secrets, and the page that shows them."""
